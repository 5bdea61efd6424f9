package config

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// CORS says which web pages may call the gateway from a browser, and read what
// it answers.
type CORS struct {
	// AllowOrigins lists origins such as https://app.example.com, or is just "*"
	// for every page there is; default none: browsers keep the answers from pages
	// of other origins.
	AllowOrigins []string `yaml:"allow_origins"`
	// AllowCredentials lets browsers send cookies and client certificates, which
	// the gateway itself has no use for but a proxy in front of it may; not
	// together with "*". Keys and tokens in headers do not need it. Default false.
	AllowCredentials bool `yaml:"allow_credentials"`
	// MaxAge is how long a browser need not ask again what it may send; at most
	// 24 h, of which browsers take less; default 10 min.
	MaxAge Duration `yaml:"max_age"`
}

// AnyOrigin is the only entry of CORS.AllowOrigins where every page may call.
const AnyOrigin = "*"

func (c CORS) withDefaults() CORS {
	or(&c.MaxAge, Duration(10*time.Minute))
	return c
}

func (c CORS) validate(v *faults) {
	for i, origin := range c.AllowOrigins {
		at := "cors.allow_origins[" + strconv.Itoa(i) + "]"
		switch {
		case origin == AnyOrigin && len(c.AllowOrigins) > 1:
			v.say(`%s = "*" stands for every origin: name no other beside it`, at)
		case origin == AnyOrigin && c.AllowCredentials:
			v.say(`cors.allow_credentials = true, must be false with %s = "*": every page there is could act for whoever looks at it`, at)
		case origin != AnyOrigin && !validOrigin(origin):
			v.say("%s = %q, want an origin as browsers send it, such as https://app.example.com or http://localhost:3000: no path, no capitals, no port 443 or 80 that the scheme implies", at, redact(origin))
		case slices.Contains(c.AllowOrigins[:i], origin):
			v.say("%s = %q stands twice", at, origin)
		}
	}
	if c.MaxAge < 0 || c.MaxAge.D() > 24*time.Hour {
		v.add("cors.max_age", c.MaxAge.D().String(), "a duration up to 24h")
	}
}

// validOrigin reports whether a browser can send s in an Origin header: else
// it would never match.
func validOrigin(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || s != u.Scheme+"://"+u.Host || s != strings.ToLower(s) || strings.ContainsAny(u.Host, "*%") {
		return false
	}
	port := u.Port()
	if _, err := strconv.ParseUint(port, 10, 16); strings.HasSuffix(u.Host, ":") || port != "" && err != nil {
		return false
	}
	switch u.Scheme {
	case "https":
		return port != "443"
	case "http":
		return port != "80"
	}
	return false
}
