package respcache

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
)

// Canonical returns a text that two JSON bodies share exactly when no reader
// can tell them apart by anything but white space, the order of names in an
// object, how a string's characters are escaped, and how an exponent is
// written (1E+5 and 1e5). It is made to be hashed, not to be read.
//
// What is not safe to level stays as it is: 1, 1.0 and 1e0 differ, since a
// field that wants a whole number takes the first and refuses the others.
// Names that repeat, or differ in case only, keep the body's own order of the
// whole object, because readers differ in which of them counts. false means
// that body is not one sound JSON value or nests deeper than depth.
func Canonical(body []byte, depth int) (canonical []byte, ok bool) {
	r := reader{in: body, out: make([]byte, 0, len(body)+len(body)/8)}
	if !r.value(depth) {
		return nil, false
	}
	r.blanks()
	if r.at != len(r.in) {
		return nil, false
	}
	return r.out, true
}

type reader struct {
	in  []byte
	at  int
	out []byte
	// last is the text written last.
	last []byte
}

func (r *reader) blanks() {
	for r.at < len(r.in) {
		switch r.in[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// take reports whether c comes next, and steps over it.
func (r *reader) take(c byte) bool {
	r.blanks()
	if r.at < len(r.in) && r.in[r.at] == c {
		r.at++
		return true
	}
	return false
}

func (r *reader) value(depth int) bool {
	r.blanks()
	if r.at == len(r.in) {
		return false
	}
	switch c := r.in[r.at]; c {
	case '{':
		return depth > 0 && r.object(depth-1)
	case '[':
		return depth > 0 && r.list(depth-1)
	case '"':
		return r.text()
	default:
		return r.scalar()
	}
}

// list writes '[', its values, ']'.
func (r *reader) list(depth int) bool {
	r.at++
	r.out = append(r.out, '[')
	for first := true; !r.take(']'); first = false {
		if !first && !r.take(',') {
			return false
		}
		if !r.value(depth) {
			return false
		}
	}
	r.out = append(r.out, ']')
	return true
}

// member is one name and its value, as they stand in reader.out.
type member struct {
	name       string
	start, end int
}

// object writes '{', its members in the order of their names, '}'.
func (r *reader) object(depth int) bool {
	r.at++
	r.out = append(r.out, '{')
	begin := len(r.out)
	var members []member
	for first := true; !r.take('}'); first = false {
		if !first && !r.take(',') {
			return false
		}
		r.blanks()
		if r.at == len(r.in) || r.in[r.at] != '"' {
			return false
		}
		m := member{start: len(r.out)}
		if !r.text() {
			return false
		}
		m.name = string(r.last)
		if !r.take(':') || !r.value(depth) {
			return false
		}
		m.end = len(r.out)
		members = append(members, m)
	}
	r.sort(begin, members)
	r.out = append(r.out, '}')
	return true
}

// sort brings the members, which are all of out from begin on, into order.
func (r *reader) sort(begin int, members []member) {
	byName := func(a, b member) int { return strings.Compare(a.name, b.name) }
	if slices.IsSortedFunc(members, byName) && !ambiguous(members) {
		return
	}
	if ambiguous(members) {
		r.out = append(r.out, '!') // never what an object without such names ends in
		return
	}
	slices.SortFunc(members, byName)
	sorted := make([]byte, 0, len(r.out)-begin)
	for _, m := range members {
		sorted = append(sorted, r.out[m.start:m.end]...)
	}
	r.out = append(r.out[:begin], sorted...)
}

// ambiguous reports names that are the same to a reader that ignores case.
func ambiguous(members []member) bool {
	if len(members) < 2 {
		return false
	}
	seen := make(map[string]struct{}, len(members))
	for _, m := range members {
		folded := fold(m.name)
		if _, twice := seen[folded]; twice {
			return true
		}
		seen[folded] = struct{}{}
	}
	return false
}

// fold maps names that strings.EqualFold calls equal to the same text: through
// upper to lower case, for the few letters with three forms.
func fold(name string) string { return strings.ToLower(strings.ToUpper(name)) }

// text writes a string as its kind, its length and its characters. One with an
// escaped surrogate stays as it is written: readers differ in what half a pair
// becomes.
func (r *reader) text() bool {
	start := r.at
	r.at++
	escaped := false
	for {
		if r.at >= len(r.in) || r.in[r.at] < ' ' {
			return false
		}
		switch r.in[r.at] {
		case '\\':
			escaped = true
			r.at += 2
			continue
		case '"':
			r.at++
			return r.write(r.in[start:r.at], escaped)
		}
		r.at++
	}
}

func (r *reader) write(token []byte, escaped bool) bool {
	plain := token[1 : len(token)-1]
	if !escaped {
		r.sized('"', plain)
		return true
	}
	var s string
	if json.Unmarshal(token, &s) != nil {
		return false
	}
	if hasSurrogate(plain) {
		r.sized('\\', plain)
		return true
	}
	r.sized('"', []byte(s))
	return true
}

func hasSurrogate(token []byte) bool {
	for i := 0; i+3 < len(token); i++ {
		if token[i] != '\\' {
			continue
		}
		if token[i+1] == 'u' && (token[i+2]|0x20) == 'd' && token[i+3] >= '8' {
			return true
		}
		i++ // over what is escaped, which may be a backslash
	}
	return false
}

func (r *reader) sized(kind byte, text []byte) {
	r.last = text
	r.out = append(r.out, kind)
	r.out = binary.AppendUvarint(r.out, uint64(len(text)))
	r.out = append(r.out, text...)
}

// scalar writes a number, true, false or null, and a comma, so that two of
// them do not run together.
func (r *reader) scalar() bool {
	start := r.at
	for r.at < len(r.in) && !bytes.ContainsRune([]byte(" \t\r\n,]}"), rune(r.in[r.at])) {
		r.at++
	}
	token := r.in[start:r.at]
	if !json.Valid(token) {
		return false
	}
	switch token[0] {
	case 't', 'f', 'n':
		r.out = append(r.out, token...)
	default:
		for i, c := range token {
			switch {
			case c == 'E':
				c = 'e'
			case c == '+' && i > 0:
				continue
			}
			r.out = append(r.out, c)
		}
	}
	r.out = append(r.out, ',')
	return true
}
