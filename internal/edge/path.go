package edge

import (
	"net/url"
	"strings"

	"github.com/omni-run/omni/api"
)

// cleanPath returns the decoded path of a request, or refuses one that two
// layers could read differently: encoded slashes, backslashes or dots, dot
// segments, empty segments, control characters. Nothing is repaired, so no
// path can pass one check and then mean another.
func cleanPath(u *url.URL) (string, error) {
	if u.RawPath == "" && plainPath(u.Path) {
		return u.Path, nil
	}
	raw := u.EscapedPath()
	if raw == "" || raw[0] != '/' {
		return "", badPath("it must begin with /")
	}
	lower := strings.ToLower(raw)
	for _, hidden := range []string{"%2f", "%5c", "%2e", "%00", "%25"} {
		if strings.Contains(lower, hidden) {
			return "", badPath("it holds an encoded slash, dot, percent sign or NUL")
		}
	}
	p := u.Path
	for i := range len(p) {
		if c := p[i]; c < 0x20 || c == 0x7f || c == '\\' {
			return "", badPath("it holds a control character or a backslash")
		}
	}
	for segment := range strings.SplitSeq(p[1:], "/") {
		if segment == "." || segment == ".." {
			return "", badPath("it holds a dot segment")
		}
	}
	if strings.Contains(p, "//") {
		return "", badPath("it holds an empty segment")
	}
	return p, nil
}

// plainPath reports whether a path has nothing in it that cleanPath looks for.
func plainPath(p string) bool {
	if p == "" || p[0] != '/' {
		return false
	}
	for i := range len(p) {
		switch c := p[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c >= 'A' && c <= 'Z', c == '_':
		case c == '/' && (i == 0 || p[i-1] != '/'):
		default:
			return false
		}
	}
	return true
}

func badPath(why string) error {
	return api.BadRequest("bad_path", "the path cannot be used: %s", why)
}

// validSegment reports whether a wildcard may take this value.
func validSegment(s string) bool {
	if s == "" || len(s) > 256 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("._:-@", c) >= 0:
		default:
			return false
		}
	}
	return true
}
