package authn

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestKeyFormat(t *testing.T) {
	t.Parallel()
	zeros := bytes.NewReader(make([]byte, 64))
	text, id, err := newKeyText("pro", time.Unix(62, 0), zeros)
	if err != nil {
		t.Fatal(err)
	}
	const want = "omni_pro_00001000000000_0000000000000000000000003kN3b9"
	if text != want || id != "00001000000000" {
		t.Fatalf("text %s, id %s", text, id)
	}
	got, ok := parseKey(text)
	if !ok || got.id != id || got.tier != "pro" {
		t.Fatalf("parsed %+v, %v", got, ok)
	}
	if HashKey(text) != sha256.Sum256([]byte(text)) {
		t.Error("the hash is not SHA-256 of the text")
	}
}

// The digits were computed apart from this code, by Python's zlib.crc32 written
// in base 62.
func TestChecksumReference(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"":              "000000",
		"omni_free_x":   "2JgY6H",
		"123456789":     "3jZRME", // 0xCBF43926, the check value of CRC-32/ISO-HDLC
		"omni_pro_abcd": "1MEuUo",
	} {
		if got := checksum(body); string(got[:]) != want {
			t.Errorf("checksum(%q) = %s, want %s", body, got, want)
		}
	}
}

func TestMistypedKeyIsRefused(t *testing.T) {
	t.Parallel()
	text, _, err := newKeyText("enterprise", time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"":                "",
		"demo":            "demo-free-key-12345",
		"contract":        "omni_pro_" + strings.Repeat("x", 40),
		"prefix":          "Omni" + text[4:],
		"truncated":       text[:len(text)-1],
		"longer":          text + "0",
		"no tier":         "omni__" + strings.Repeat("0", 45),
		"upper case tier": strings.Replace(text, "enterprise", "Enterprise", 1),
		"other tier":      strings.Replace(text, "enterprise", "pro", 1),
		"space":           text[:30] + " " + text[31:],
		"very long":       text + strings.Repeat("A", 1<<16),
	} {
		if p, ok := parseKey(bad); ok {
			t.Errorf("%s: parsed as %+v", name, p)
		}
	}
	// CRC-32 finds every single wrong character and every swap of neighbours.
	for i := range text {
		wrong := []byte(text)
		wrong[i] = 'q'
		if text[i] == 'q' {
			wrong[i] = 'r'
		}
		if _, ok := parseKey(string(wrong)); ok {
			t.Errorf("wrong character at %d is not found", i)
		}
		if i > 0 && text[i] != text[i-1] {
			swapped := []byte(text)
			swapped[i], swapped[i-1] = text[i-1], text[i]
			if _, ok := parseKey(string(swapped)); ok {
				t.Errorf("swap at %d is not found", i)
			}
		}
	}
}

func TestKeysRoundTripAndSortByAge(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tier := rapid.StringMatching(`[a-z][a-z0-9-]{0,23}`).Draw(t, "tier")
		a := rapid.Int64Range(0, 1<<35).Draw(t, "a")
		b := rapid.Int64Range(a+1, 1<<35+1).Draw(t, "b")
		text, id, err := newKeyText(tier, time.Unix(a, 0), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if p, ok := parseKey(text); !ok || p.tier != tier || p.id != id {
			t.Fatalf("%s parsed as %+v, %v", text, p, ok)
		}
		_, later, err := newKeyText(tier, time.Unix(b, 0), rand.Reader)
		if err != nil || later <= id {
			t.Fatalf("id %s of second %d does not follow %s of second %d (%v)", later, b, id, a, err)
		}
	})
}

func TestRandomIsUnbiasedAndUsesWholeAlphabet(t *testing.T) {
	t.Parallel()
	const n = 62 * 2000
	s, err := random62(rand.Reader, n)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[rune]int{}
	for _, c := range s {
		counts[c]++
	}
	// Expected 2,000 each, standard deviation 44: seven of them is never.
	for _, c := range base62 {
		if counts[c] < 2000-310 || counts[c] > 2000+310 {
			t.Errorf("%c drawn %d times of %d", c, counts[c], n)
		}
	}
	if _, err := random62(bytes.NewReader(nil), 1); err == nil {
		t.Error("an empty source of randomness went unnoticed")
	}
}

func FuzzParseKey(f *testing.F) {
	text, _, err := newKeyText("pro", time.Now(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{text, "", "omni_", "omni___", text[:20], strings.ToUpper(text), "demo-pro-key-67890"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, ok := parseKey(s)
		if !ok {
			return
		}
		if !strings.HasPrefix(s, keyPrefix+p.tier+"_"+p.id+"_") || !ValidTier(p.tier) || !validKeyID(p.id) || len(s) > maxKeyLength {
			t.Fatalf("%q parsed as %+v", s, p)
		}
		sum := checksum(s[:len(s)-checksumLength])
		if !strings.HasSuffix(s, string(sum[:])) {
			t.Fatalf("%q was accepted with a wrong checksum", s)
		}
	})
}
