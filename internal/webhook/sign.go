// Package webhook signs messages as the Standard Webhooks specification wants
// them (https://www.standardwebhooks.com, version 1 signatures), and sends them
// to addresses that tenants name without reaching what is the platform's own.
package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Header names of the specification.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// prefix begins a secret's text.
const prefix = "whsec_"

// Tolerance is how far a message's time may be from the receiver's.
const Tolerance = 5 * time.Minute

// Secret signs messages.
type Secret []byte

// NewSecret makes a secret of 32 random bytes.
func NewSecret() Secret {
	s := make(Secret, 32)
	_, _ = rand.Read(s) // never fails
	return s
}

// String is the text a tenant is shown, once.
func (s Secret) String() string { return prefix + base64.StdEncoding.EncodeToString(s) }

// ParseSecret reads a secret's text.
func ParseSecret(text string) (Secret, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, prefix))
	if err != nil || len(raw) < 24 || len(raw) > 64 {
		return nil, errors.New("webhook: a secret is " + prefix + " and 24 to 64 bytes in base64")
	}
	return raw, nil
}

// Sign returns the value of the signature header: one signature a secret, so
// that receivers who know either accept the message while a secret is rotated.
func Sign(id string, at time.Time, payload []byte, secrets ...Secret) string {
	list := make([]string, len(secrets))
	for i, s := range secrets {
		list[i] = "v1," + base64.StdEncoding.EncodeToString(s.sum(id, strconv.FormatInt(at.Unix(), 10), payload))
	}
	return strings.Join(list, " ")
}

func (s Secret) sum(id, timestamp string, payload []byte) []byte {
	h := hmac.New(sha256.New, s)
	h.Write([]byte(id + "." + timestamp + ".")) // a hash takes everything
	h.Write(payload)
	return h.Sum(nil)
}

// What Verify refuses a message for.
var (
	ErrNoSignature = errors.New("webhook: the message bears no signature of this secret")
	ErrTooOld      = errors.New("webhook: the message's time is too far from now")
)

// Verify is the receiver's half: it checks that the payload was signed with
// the secret, not long ago.
func Verify(h http.Header, payload []byte, s Secret, now time.Time) error {
	id, timestamp := h.Get(HeaderID), h.Get(HeaderTimestamp)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || id == "" {
		return fmt.Errorf("%w: %s or %s is missing or unreadable", ErrNoSignature, HeaderID, HeaderTimestamp)
	}
	want := s.sum(id, timestamp, payload)
	for signature := range strings.FieldsSeq(h.Get(HeaderSignature)) {
		version, text, _ := strings.Cut(signature, ",")
		got, err := base64.StdEncoding.DecodeString(text)
		if version == "v1" && err == nil && subtle.ConstantTimeCompare(got, want) == 1 {
			if d := now.Sub(time.Unix(seconds, 0)); d > Tolerance || d < -Tolerance {
				return ErrTooOld
			}
			return nil
		}
	}
	return ErrNoSignature
}
