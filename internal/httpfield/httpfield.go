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
