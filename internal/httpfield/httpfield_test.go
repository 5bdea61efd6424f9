package httpfield_test

import (
	"net/http"
	"testing"

	"github.com/omni-run/omni/internal/httpfield"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"GET": true, "X-API-Key": true, "a!#$%&'*+-.^_`|~9": true,
		"": false, "a b": false, "a:": false, "a\t": false, "a\x00": false, "é": false, "(a)": false, "a\"": false, "a/b": false, "a\x7f": false,
	} {
		if httpfield.ValidToken(s) != want {
			t.Errorf("token %q: want %t", s, want)
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"": true, "a b\tc": true, "ünï": true, "\"quoted\"; x=1": true,
		"a\r": false, "a\nb": false, "\x00": false, "\x7f": false, "\x1f": false,
	} {
		if httpfield.ValidValue(s) != want {
			t.Errorf("value %q: want %t", s, want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for s, want := range map[string][2]bool{
		"Content-Type": {true, true}, "X": {true, true}, "Etag": {true, true}, "X-1a": {true, true},
		"content-type": {false, true}, "ETag": {false, true}, "X-API-Key": {false, true}, "A-": {true, true},
		"": {true, false}, "a b": {false, false}, "Köln": {false, false}, "X:": {false, false},
	} {
		canonical, valid := httpfield.Name(s)
		if valid != want[1] || valid && canonical != want[0] {
			t.Errorf("name %q: %t, %t", s, canonical, valid)
		}
		if valid && canonical != (http.CanonicalHeaderKey(s) == s) {
			t.Errorf("name %q: net/http has another form", s)
		}
	}
}

func TestTrim(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{"": "", " \t ": "", "a": "a", " a b\t": "a b", "\ra": "\ra"} {
		if got := httpfield.Trim(s); got != want {
			t.Errorf("%q became %q", s, got)
		}
	}
}
