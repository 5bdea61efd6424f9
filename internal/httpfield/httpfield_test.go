package httpfield_test

import (
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
