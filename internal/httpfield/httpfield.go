// Package httpfield says what may stand in a field of an HTTP message
// (RFC 9110, sections 5.5 and 5.6.2), for those who read such messages off the
// wire.
package httpfield

import "strings"

// tokenByte marks the bytes of a token.
var tokenByte = func() (table [256]bool) {
	const marks = "!#$%&'*+-.^_`|~"
	for c := range len(table) {
		b := byte(c)
		table[c] = '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' ||
			b < 0x80 && strings.IndexByte(marks, b) >= 0
	}
	return table
}()

// TokenByte reports whether c may stand in a token.
func TokenByte(c byte) bool { return tokenByte[c] }

// ValidToken reports whether s is a token: a method, a field's name.
func ValidToken(s string) bool {
	for i := range len(s) {
		if !tokenByte[s[i]] {
			return false
		}
	}
	return s != ""
}

// ValidValue reports whether s can be a field's value: no control characters
// but the tab.
func ValidValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// Name reports whether s can be a field's name, and whether it is in the form
// that http.Header keeps it in.
func Name(s string) (canonical, valid bool) {
	canonical = true
	upper := true
	for i := range len(s) {
		c := s[i]
		if !tokenByte[c] {
			return false, false
		}
		switch {
		case upper && c >= 'a' && c <= 'z', !upper && c >= 'A' && c <= 'Z':
			canonical = false
		}
		upper = c == '-'
	}
	return canonical, s != ""
}

// Trim cuts optional white space off both ends of a field's value.
func Trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}
