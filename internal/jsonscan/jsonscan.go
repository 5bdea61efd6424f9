// Package jsonscan tells sound JSON from what is not, quickly.
package jsonscan

import "unicode/utf8"

// Sound reports whether body is one JSON value (RFC 8259) in UTF-8 that nests
// at most depth levels deep. It looks at each byte once, where json.Valid,
// utf8.Valid and a count of brackets would take three turns; a fuzz test holds
// it to what those say.
func Sound(body []byte, depth int) bool {
	at := value(body, blanks(body, 0), depth)
	return at >= 0 && blanks(body, at) == len(body)
}

// The functions below take what begins at index i of b and return the index
// behind it, or bad. Places are passed on and not kept in a struct, so that
// they stay in registers.
const bad = -1

// blanks skips white space.
func blanks(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// value takes a value. Its recursion is bounded by depth, the levels that may
// still open.
func value(b []byte, i, depth int) int {
	if i >= len(b) {
		return bad
	}
	switch b[i] {
	case '{':
		return object(b, i+1, depth)
	case '[':
		return array(b, i+1, depth)
	case '"':
		return text(b, i+1)
	case 't':
		return word(b, i, "true")
	case 'f':
		return word(b, i, "false")
	case 'n':
		return word(b, i, "null")
	default:
		return number(b, i)
	}
}

// array takes what stands behind an opening bracket.
func array(b []byte, i, depth int) int {
	if depth == 0 {
		return bad
	}
	if i = blanks(b, i); i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i = blanks(b, numbers(b, i)); i < len(b) && b[i]-'0' <= 9 {
			i = number(b, i)
		} else {
			i = value(b, i, depth-1)
		}
		if i < 0 {
			return bad
		}
		if i = blanks(b, i); i >= len(b) {
			return bad
		}
		switch b[i] {
		case ',':
			i = blanks(b, i+1)
		case ']':
			return i + 1
		default:
			return bad
		}
	}
}

// numbers takes elements such as 12.5 with the comma behind them, which are what
// long arrays hold, and returns where the first one begins that is anything
// else or the last.
func numbers(b []byte, i int) int {
	for i < len(b) && b[i]-'1' <= 8 {
		at := i + 1
		for at < len(b) && b[at]-'0' <= 9 {
			at++
		}
		if at+1 < len(b) && b[at] == '.' && b[at+1]-'0' <= 9 {
			for at += 2; at < len(b) && b[at]-'0' <= 9; at++ {
			}
		}
		if at >= len(b) || b[at] != ',' {
			break
		}
		if i = at + 1; i < len(b) && b[i] == ' ' {
			i++
		}
	}
	return i
}

// object takes what stands behind an opening brace.
func object(b []byte, i, depth int) int {
	if depth == 0 {
		return bad
	}
	if i = blanks(b, i); i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return bad
		}
		if i = text(b, i+1); i < 0 {
			return bad
		}
		if i = blanks(b, i); i >= len(b) || b[i] != ':' {
			return bad
		}
		if i = value(b, blanks(b, i+1), depth-1); i < 0 {
			return bad
		}
		if i = blanks(b, i); i >= len(b) {
			return bad
		}
		switch b[i] {
		case ',':
			i = blanks(b, i+1)
		case '}':
			return i + 1
		default:
			return bad
		}
	}
}

func word(b []byte, i int, w string) int {
	if len(b)-i < len(w) || string(b[i:i+len(w)]) != w {
		return bad
	}
	return i + len(w)
}

// plain marks the bytes that stand for themselves in a string: ASCII but for
// control characters, quote and backslash.
var plain = func() (table [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

// text takes what stands behind an opening quote.
func text(b []byte, i int) int {
	for i < len(b) {
		c := b[i]
		switch {
		case plain[c]:
			i++
		case c == '"':
			return i + 1
		case c < ' ':
			return bad
		case c == '\\':
			if i = escape(b, i+1); i < 0 {
				return bad
			}
		default:
			r, size := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && size == 1 {
				return bad
			}
			i += size
		}
	}
	return bad
}

// escape takes what stands behind a backslash.
func escape(b []byte, i int) int {
	if i >= len(b) {
		return bad
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
	default:
		return bad
	}
	if len(b)-i < 5 {
		return bad
	}
	for _, c := range b[i+1 : i+5] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return bad
		}
	}
	return i + 5
}

// number takes -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func number(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	switch {
	case i >= len(b):
		return bad
	case b[i] == '0':
		i++
	case b[i]-'1' <= 8:
		for i++; i < len(b) && b[i]-'0' <= 9; i++ {
		}
	default:
		return bad
	}
	if i < len(b) && b[i] == '.' {
		if i = digits(b, i+1); i < 0 {
			return bad
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return digits(b, i)
	}
	return i
}

// digits takes one digit or more.
func digits(b []byte, i int) int {
	begin := i
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	if i == begin {
		return bad
	}
	return i
}
