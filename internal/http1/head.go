package http1

import (
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/omni-run/omni/internal/httpfield"
)

// maxFields bounds the fields of a head, beside their bytes.
const maxFields = 128

// head is a request's head, as it was sent.
type head struct {
	method, target string
	minor          int // of HTTP/1.x
	header         http.Header
	host           string
	hosts          int

	// What framing finds in the fields.
	length  int64 // -1 if the body is chunked
	chunked bool
	// keep is what version and Connection say; expects100 what Expect does.
	keep, expects100 bool
}

// parse reads a head up to and with its empty line.
func (h *head) parse(text string) *FaultError {
	*h = head{}
	line, rest, _ := strings.Cut(text, "\r\n")
	if f := h.parseLine(line); f != nil {
		return f
	}
	if f := h.parseFields(rest); f != nil {
		return f
	}
	return h.frame()
}

// parseLine reads "GET /path HTTP/1.1": three words, two single blanks.
func (h *head) parseLine(line string) *FaultError {
	method, rest, found := strings.Cut(line, " ")
	if !found || !httpfield.ValidToken(method) {
		return syntax("the request line has no method")
	}
	target, version, found := strings.Cut(rest, " ")
	if !found || target == "" {
		return syntax("the request line has no target or no version")
	}
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c == 0x7f {
			return syntax("the request target holds a control character")
		}
	}
	h.method, h.target = method, target
	switch {
	case version == "HTTP/1.1":
		h.minor = 1
	case version == "HTTP/1.0":
	case len(version) == 8 && version[:5] == "HTTP/" && digit(version[5]) && version[6] == '.' && digit(version[7]):
		return &FaultError{BadVersion, "this server speaks HTTP/1.1"}
	default:
		return syntax("the request line does not end in an HTTP version")
	}
	return nil
}

// parseFields reads the fields. Each line's CR LF has been checked.
func (h *head) parseFields(text string) *FaultError {
	n := strings.Count(text, "\n") - 1
	if n > maxFields {
		return &FaultError{TooLarge, "the request has too many header fields"}
	}
	h.header = make(http.Header, n)
	values := make([]string, 0, n)
	for {
		line, rest, found := strings.Cut(text, "\r\n")
		if !found {
			return syntax("the header does not end")
		}
		if line == "" {
			return nil
		}
		text = rest
		colon := strings.IndexByte(line, ':')
		if colon < 0 {
			return syntax("a header line has no colon")
		}
		name := line[:colon]
		canonical, valid := httpfield.Name(name)
		if !valid {
			return syntax("a header field's name is not a token")
		}
		value := httpfield.Trim(line[colon+1:])
		if !httpfield.ValidValue(value) {
			return syntax("a header field's value holds a control character")
		}
		if !canonical {
			name = canonicalName(name)
		}
		if name == "Host" {
			h.host = value
			h.hosts++
			continue
		}
		values = append(values, value)
		if old, ok := h.header[name]; ok {
			h.header[name] = append(old, value)
		} else {
			h.header[name] = values[len(values)-1 : len(values) : len(values)]
		}
	}
}

// url is the target as net/http would give it.
func (h *head) url(into *url.URL) *FaultError {
	if plainPath(h.target) {
		into.Path = h.target
		return nil
	}
	target := h.target
	// CONNECT names an authority, not a path.
	authority := h.method == http.MethodConnect && target[0] != '/'
	if authority {
		target = "http://" + target
	}
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return syntax("the request target is not a URI")
	}
	*into = *u
	if authority {
		into.Scheme = ""
	}
	return nil
}

// plainPath reports whether a target is a path that means itself, as those of
// this project's routes are.
func plainPath(s string) bool {
	if s[0] != '/' || (len(s) > 1 && s[1] == '/') {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '/', c == '-', c >= 'A' && c <= 'Z', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// canonicalName is textproto.CanonicalMIMEHeaderKey, which would allocate for
// a name it does not know: this one knows ours too.
func canonicalName(s string) string {
	switch s {
	case "X-API-Key", "x-api-key", "X-API-KEY":
		return "X-Api-Key"
	case "X-Request-ID", "x-request-id":
		return "X-Request-Id"
	case "traceparent":
		return "Traceparent"
	case "X-Omni-Max-Wait", "x-omni-max-wait":
		return "X-Omni-Max-Wait"
	case "idempotency-key":
		return "Idempotency-Key"
	}
	return textproto.CanonicalMIMEHeaderKey(s)
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
