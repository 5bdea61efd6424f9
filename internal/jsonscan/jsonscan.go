// Package jsonscan tells sound JSON from what is not, quickly.
package jsonscan

import "unicode/utf8"

// Sound reports whether body is one JSON value (RFC 8259) in UTF-8 that nests
// at most depth levels deep. It looks at each byte once, where json.Valid,
// utf8.Valid and a count of brackets would take three turns; a fuzz test holds
// it to what those say.
func Sound(body []byte, depth int) bool {
	s := scan{body: body, depth: depth}
	s.blanks()
	if !s.value() {
		return false
	}
	s.blanks()
	return s.at == len(body)
}

// scan is a place in a document.
type scan struct {
	body  []byte
	at    int
	depth int // levels that may still open
}

func (s *scan) blanks() {
	for s.at < len(s.body) && s.body[s.at] <= ' ' {
		switch s.body[s.at] {
		case ' ', '\n', '\t', '\r':
			s.at++
		default:
			return
		}
	}
}

// next takes the byte c, if it comes next.
func (s *scan) next(c byte) bool {
	if s.at < len(s.body) && s.body[s.at] == c {
		s.at++
		return true
	}
	return false
}

// value takes a value. Its recursion is bounded by depth.
func (s *scan) value() bool {
	if s.at >= len(s.body) {
		return false
	}
	switch s.body[s.at] {
	case '{':
		return s.within('}')
	case '[':
		return s.within(']')
	case '"':
		return s.text()
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		return s.number()
	}
}

// within takes what stands between brackets: values, or members of an object.
func (s *scan) within(end byte) bool {
	if s.depth == 0 {
		return false
	}
	s.depth--
	s.at++
	s.blanks()
	for first := true; !s.next(end); first = false {
		if !first {
			if !s.next(',') {
				return false
			}
			s.blanks()
		}
		if end == '}' && !s.name() {
			return false
		}
		if !s.value() {
			return false
		}
		s.blanks()
	}
	s.depth++
	return true
}

// name takes a member's name and colon.
func (s *scan) name() bool {
	if !s.text() {
		return false
	}
	s.blanks()
	if !s.next(':') {
		return false
	}
	s.blanks()
	return true
}

func (s *scan) word(w string) bool {
	if len(s.body)-s.at < len(w) || string(s.body[s.at:s.at+len(w)]) != w {
		return false
	}
	s.at += len(w)
	return true
}

// text takes a string.
func (s *scan) text() bool {
	if !s.next('"') {
		return false
	}
	for s.at < len(s.body) {
		c := s.body[s.at]
		switch {
		case c == '"':
			s.at++
			return true
		case c < ' ':
			return false
		case c == '\\':
			if !s.escape() {
				return false
			}
		case c < utf8.RuneSelf:
			s.at++
		default:
			r, size := utf8.DecodeRune(s.body[s.at:])
			if r == utf8.RuneError && size == 1 {
				return false
			}
			s.at += size
		}
	}
	return false
}

func (s *scan) escape() bool {
	if len(s.body)-s.at < 2 {
		return false
	}
	c := s.body[s.at+1]
	s.at += 2
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
	default:
		return false
	}
	if len(s.body)-s.at < 4 {
		return false
	}
	for _, c := range s.body[s.at : s.at+4] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	s.at += 4
	return true
}

// number takes -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (s *scan) number() bool {
	s.next('-')
	if !s.next('0') && !s.digits() {
		return false
	}
	if s.next('.') && !s.digits() {
		return false
	}
	if s.next('e') || s.next('E') {
		if !s.next('+') {
			s.next('-')
		}
		return s.digits()
	}
	return true
}

func (s *scan) digits() bool {
	n := 0
	for _, c := range s.body[s.at:] {
		if c < '0' || c > '9' {
			break
		}
		n++
	}
	s.at += n
	return n > 0
}
