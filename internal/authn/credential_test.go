package authn_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/authn"
)

func TestCredential(t *testing.T) {
	t.Parallel()
	const ambiguous, missing = "ambiguous_credentials", "missing_credentials"
	for name, c := range map[string]struct {
		key, authorization []string
		want, code         string
	}{
		"none":                    {code: missing},
		"empty headers":           {key: []string{""}, authorization: []string{" "}, code: missing},
		"header":                  {key: []string{"k"}, want: "k"},
		"header with white space": {key: []string{" \tk "}, want: "k"},
		"bearer":                  {authorization: []string{"Bearer k"}, want: "k"},
		"scheme in any case":      {authorization: []string{"bEARER k"}, want: "k"},
		"several spaces":          {authorization: []string{"Bearer   k "}, want: "k"},
		"empty header and bearer": {key: []string{""}, authorization: []string{"Bearer k"}, want: "k"},
		"both the same":           {key: []string{"k"}, authorization: []string{"Bearer k"}, want: "k"},
		"both, differing":         {key: []string{"k"}, authorization: []string{"Bearer l"}, code: ambiguous},
		"both, other scheme":      {key: []string{"k"}, authorization: []string{"Basic k"}, code: ambiguous},
		"both, bearer empty":      {key: []string{"k"}, authorization: []string{"Bearer"}, code: ambiguous},
		"header twice":            {key: []string{"k", "k"}, code: ambiguous},
		"bearer twice":            {authorization: []string{"Bearer k", "Bearer k"}, code: ambiguous},
		"empty twice":             {key: []string{"", ""}, code: ambiguous},
		"other scheme":            {authorization: []string{"Basic dTpw"}, code: missing},
		"no scheme":               {authorization: []string{"k"}, code: missing},
		"scheme only":             {authorization: []string{"Bearer "}, code: missing},
		"scheme run together":     {authorization: []string{"Bearerk"}, code: missing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			for _, v := range c.key {
				h.Add("X-API-Key", v)
			}
			for _, v := range c.authorization {
				h.Add("Authorization", v)
			}
			got, err := authn.Credential(h)
			checkCode(t, err, c.code)
			if got != c.want {
				t.Errorf("credential %q, want %q", got, c.want)
			}
		})
	}
}

// checkCode checks that err is the api error with the code and its status; an
// empty code means no error.
func checkCode(t *testing.T, err error, code string) {
	t.Helper()
	if code == "" {
		if err != nil {
			t.Fatalf("unexpected error: %v", err)
		}
		return
	}
	status := map[string]int{
		"ambiguous_credentials": 400, "missing_credentials": 401, "invalid_key": 403, "keys_unavailable": 503,
	}[code]
	var e *api.Error
	if !errors.As(err, &e) || e.Code != code || e.HTTP != status {
		t.Fatalf("error %v, want %d %s", err, status, code)
	}
}

func FuzzCredential(f *testing.F) {
	f.Add("", "Bearer k", "", true)
	f.Add("k", "Bearer k", "x", false)
	f.Add("k", "basic", "", true)
	f.Fuzz(func(t *testing.T, key, authorization, second string, both bool) {
		h := http.Header{"X-Api-Key": {key}, "Authorization": {authorization}}
		if !both {
			h["X-Api-Key"] = append(h["X-Api-Key"], second)
		}
		got, err := authn.Credential(h)
		var e *api.Error
		switch {
		case err == nil && got == "":
			t.Fatal("neither a credential nor an error")
		case err != nil && (got != "" || !errors.As(err, &e)):
			t.Fatalf("credential %q beside error %v", got, err)
		case !both && err == nil:
			t.Fatal("two values were taken for one")
		}
	})
}
