package http1

import (
	"strings"
)

// frame finds out where the body ends and what else the fields say about the
// connection (RFC 9112, sections 3.2, 6.3 and 9.3).
func (h *head) frame() *FaultError {
	switch {
	case h.hosts > 1:
		return syntax("the request has more than one Host")
	case h.hosts == 0 && h.minor == 1:
		return syntax("the request has no Host")
	case !validHost(h.host):
		return syntax("the Host is not valid")
	}
	if f := h.bodyFraming(); f != nil {
		return f
	}
	connection := h.header["Connection"]
	h.keep = len(connection) == 0 && h.minor == 1
	if len(connection) > 0 && !hasToken(connection, "close") {
		h.keep = h.minor == 1 || hasToken(connection[:1], "keep-alive")
	}
	if expect := h.header["Expect"]; len(expect) > 0 {
		if len(expect) > 1 || !strings.EqualFold(expect[0], "100-continue") {
			return &FaultError{BadExpectation, "nothing but 100-continue can be expected"}
		}
		h.expects100 = h.minor == 1
	}
	return nil
}

func (h *head) bodyFraming() *FaultError {
	codings, lengths := h.header["Transfer-Encoding"], h.header["Content-Length"]
	if len(codings) > 0 {
		switch {
		case len(lengths) > 0:
			return framing("the request has both Content-Length and Transfer-Encoding")
		case h.minor == 0:
			return framing("an HTTP/1.0 request cannot have a Transfer-Encoding")
		case len(codings) > 1 || !strings.EqualFold(codings[0], "chunked"):
			return &FaultError{BadCoding, "the only Transfer-Encoding taken is chunked, once"}
		}
		// As net/http does: what was the connection's is no longer the request's.
		delete(h.header, "Transfer-Encoding")
		delete(h.header, "Trailer")
		h.chunked, h.length = true, -1
		return nil
	}
	if len(lengths) == 0 {
		return nil
	}
	text := lengths[0]
	if len(lengths) > 1 || text == "" || len(text) > 18 {
		return framing("the Content-Length is not one number")
	}
	for i := range len(text) {
		if !digit(text[i]) {
			return framing("the Content-Length is not one number")
		}
		h.length = h.length*10 + int64(text[i]-'0')
	}
	return nil
}

// validHost reports whether s can be a Host: what net/http takes for one.
func validHost(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', digit(c), strings.IndexByte("!$%&'()*+,-.:;=[]_~", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// hasToken reports whether one of the lists holds token. Blanks part its
// elements as commas do: net/http reads it so, and to close a connection once
// too often does no harm.
func hasToken(values []string, token string) bool {
	for _, value := range values {
		for part := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
			if strings.EqualFold(part, token) {
				return true
			}
		}
	}
	return false
}
