package authn

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"time"
)

// The parts of a key: omni_<tier>_<id>_<secret><checksum>.
const (
	keyPrefix = "omni_"
	// idTimeLength + idRandomLength: an id begins with the second of its birth,
	// so that ids sort by age; 8 random characters (47 bits) tell apart the
	// keys of one second.
	idTimeLength   = 6
	idRandomLength = 8
	idLength       = idTimeLength + idRandomLength
	// secretLength base62 characters hold 142 bits, more than the 128 below
	// which a plain hash would not be enough (see Hash).
	secretLength   = 24
	checksumLength = 6
	maxTierLength  = 24
	minKeyLength   = len(keyPrefix) + 1 + 1 + idLength + 1 + secretLength + checksumLength
	maxKeyLength   = minKeyLength - 1 + maxTierLength
)

// base62 is in ASCII order, so that encoded numbers of one length sort as
// numbers do.
const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// Hash is what a store keeps of a key: SHA-256 over the whole key text. The
// secret in it is 142 bits from a secure source, so that guessing it offline
// is hopeless however fast the hash; a slow password hash would only cost the
// gateway milliseconds a request. Hashing the whole text rather than the
// secret alone binds the secret to its id and tier: a hash copied into another
// row opens nothing.
type Hash [sha256.Size]byte

// HashKey returns the hash under which a presented key is known.
func HashKey(presented string) Hash {
	// The copy into a fixed array keeps the conversion off the heap.
	var buf [maxPresented]byte
	n := copy(buf[:], presented)
	if n < len(presented) {
		return sha256.Sum256([]byte(presented))
	}
	return sha256.Sum256(buf[:n])
}

// MarshalText writes the hash as hex.
func (h Hash) MarshalText() ([]byte, error) {
	return hex.AppendEncode(nil, h[:]), nil
}

// UnmarshalText reads 64 hex digits. The error does not repeat the text, which
// may be a key that somebody stored by mistake.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(h)) {
		return fmt.Errorf("a key hash has %d hex digits, not %d", hex.EncodedLen(len(h)), len(text))
	}
	if _, err := hex.Decode(h[:], text); err != nil {
		return fmt.Errorf("a key hash holds something other than hex digits")
	}
	return nil
}

// parts are the pieces of a well-formed key; they alias the key's text.
type parts struct {
	tier, id string
}

// parseKey splits a presented key and checks its checksum. It needs no store,
// so a mistyped key costs nothing.
func parseKey(presented string) (parts, bool) {
	if len(presented) < minKeyLength || len(presented) > maxKeyLength {
		return parts{}, false
	}
	rest, ok := strings.CutPrefix(presented, keyPrefix)
	if !ok {
		return parts{}, false
	}
	tier, rest, ok := strings.Cut(rest, "_")
	if !ok || !ValidTier(tier) {
		return parts{}, false
	}
	id, rest, ok := strings.Cut(rest, "_")
	if !ok || !validKeyID(id) || len(rest) != secretLength+checksumLength || !isBase62(rest) {
		return parts{}, false
	}
	body := presented[:len(presented)-checksumLength]
	if checksum(body) != [checksumLength]byte([]byte(presented[len(body):])) {
		return parts{}, false
	}
	return parts{tier: tier, id: id}, true
}

// checksum is CRC-32 (IEEE) of the text before it, as six base62 digits. The
// loop spares the allocation that a call of crc32.ChecksumIEEE would cost.
func checksum(body string) [checksumLength]byte {
	crc := ^uint32(0)
	for i := range len(body) {
		crc = crc32.IEEETable[byte(crc)^body[i]] ^ crc>>8
	}
	return encode62(uint64(^crc))
}

// encode62 writes the low six base62 digits of n; 62^6 exceeds 2^32, so that a
// CRC and any second until the year 3769 fit.
func encode62(n uint64) (out [checksumLength]byte) {
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = base62[n%62]
		n /= 62
	}
	return out
}

// newKeyText makes the text of a fresh key and its id.
func newKeyText(tier string, now time.Time, random io.Reader) (text, id string, err error) {
	born := encode62(uint64(max(0, now.Unix())))
	tail, err := random62(random, idRandomLength+secretLength)
	if err != nil {
		return "", "", fmt.Errorf("drawing a key: %w", err)
	}
	id = string(born[:]) + tail[:idRandomLength]
	body := keyPrefix + tier + "_" + id + "_" + tail[idRandomLength:]
	sum := checksum(body)
	return body + string(sum[:]), id, nil
}

// random62 draws n characters without bias: bytes of 248 and more (4 × 62) are
// thrown away.
func random62(random io.Reader, n int) (string, error) {
	out := make([]byte, 0, n)
	var buf [64]byte
	for len(out) < n {
		if _, err := io.ReadFull(random, buf[:]); err != nil {
			return "", err
		}
		for _, b := range buf {
			if b < 248 && len(out) < n {
				out = append(out, base62[b%62])
			}
		}
	}
	return string(out), nil
}

func isBase62(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

func validKeyID(id string) bool { return len(id) == idLength && isBase62(id) }

// ValidTier reports whether s can name a tier: 1 to 24 of a-z, 0-9 and "-",
// beginning with a letter.
func ValidTier(s string) bool {
	if s == "" || len(s) > maxTierLength || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
