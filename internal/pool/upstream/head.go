package upstream

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"github.com/omni-run/omni/internal/httpfield"
)

// maxFields limits the header fields of one answer.
const maxFields = 256

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// headEnd is how a head ends.
var headEnd = []byte("\r\n\r\n")

// readHead appends to scratch the lines up to and with the empty one.
func readHead(br *bufio.Reader, scratch []byte, limit int) ([]byte, error) {
	lineStart := 0
	if _, err := br.Peek(1); err != nil {
		return scratch, err
	}
	// As a rule the head has come whole. Its lines are checked by who parses it:
	// there is no bare line feed in what parseHead takes.
	if have, _ := br.Peek(br.Buffered()); len(scratch) == 0 {
		if end := bytes.Index(have, headEnd) + len(headEnd); end >= len(headEnd) && end <= limit {
			scratch = append(scratch, have[:end]...)
			_, err := br.Discard(end)
			return scratch, err
		}
	}
	for {
		part, err := br.ReadSlice('\n')
		scratch = append(scratch, part...)
		if len(scratch) > limit {
			return scratch, malformed("head is longer than %d bytes", limit)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return scratch, err
		}
		line := scratch[lineStart:]
		if len(line) < 2 || line[len(line)-2] != '\r' {
			return scratch, malformed("a line does not end in CR LF")
		}
		if len(line) == 2 {
			return scratch, nil
		}
		lineStart = len(scratch)
	}
}

// head is a parsed answer head.
type head struct {
	status int
	minor  int // of HTTP/1.x
	header http.Header
	hops   bool // the header has fields that concern this connection only
}

// parseHead parses what readHead returned.
func parseHead(text string) (head, error) {
	line, rest, _ := strings.Cut(text, "\r\n")
	h, err := parseStatusLine(line)
	if err != nil {
		return h, err
	}
	h.header, h.hops, err = parseFields(rest)
	return h, err
}

// parseStatusLine reads "HTTP/1.1 200 OK"; the reason may be absent.
func parseStatusLine(line string) (head, error) {
	const prefix = "HTTP/1."
	var h head
	if len(line) < len("HTTP/1.1 200") || line[:len(prefix)] != prefix || line[8] != ' ' {
		return h, malformed("status line")
	}
	switch line[7] {
	case '0', '1':
		h.minor = int(line[7] - '0')
	default:
		return h, malformed("HTTP version")
	}
	for _, c := range []byte(line[9:12]) {
		if c < '0' || c > '9' {
			return h, malformed("status code")
		}
		h.status = h.status*10 + int(c-'0')
	}
	if h.status < 100 || h.status > 599 {
		return h, malformed("status code %d", h.status)
	}
	if len(line) > 12 && (line[12] != ' ' || !httpfield.ValidValue(line[13:])) {
		return h, malformed("status line")
	}
	return h, nil
}

// parseFields reads header lines up to the empty one. Folded lines, blanks
// before the colon, names that are no tokens and control characters in values
// are refused: each has been used to make two parsers disagree.
//
// hops says that some concern the connection alone. A Connection: keep-alive,
// which says nothing in HTTP/1.1, is passed over.
func parseFields(text string) (header http.Header, hops bool, err error) {
	n := strings.Count(text, "\r\n")
	if n > maxFields+1 {
		return nil, false, malformed("more than %d header fields", maxFields)
	}
	header = make(http.Header, n)
	values := make([]string, 0, n)
	for {
		line, rest, found := strings.Cut(text, "\r\n")
		if !found {
			return nil, false, malformed("header does not end")
		}
		if line == "" {
			return header, hops, nil
		}
		text = rest
		colon := strings.IndexByte(line, ':')
		if colon < 0 {
			return nil, false, malformed("header field name")
		}
		key := line[:colon]
		canonical, valid := httpfield.Name(key)
		if !valid {
			return nil, false, malformed("header field name")
		}
		value := httpfield.Trim(line[colon+1:])
		if !httpfield.ValidValue(value) {
			return nil, false, malformed("header field value")
		}
		if !canonical {
			key = textproto.CanonicalMIMEHeaderKey(key)
		}
		if HopByHop(key) {
			if key == "Connection" && value == "keep-alive" {
				continue
			}
			hops = true
		}
		values = append(values, value)
		if old, ok := header[key]; ok {
			header[key] = append(old, value)
		} else {
			header[key] = values[len(values)-1 : len(values) : len(values)]
		}
	}
}

// Ways in which the end of a body is found.
const (
	bodyNone = iota
	bodyLength
	bodyChunked
	bodyUntilClose
)

// framing says how the body of an answer ends and whether the connection can
// be used again after it (RFC 9112, section 6.3). Both a length and a transfer
// coding, or two lengths, are refused.
func (h *head) framing(method string) (kind int, length int64, keep bool, err error) {
	keep = h.minor == 1 && !hasToken(h.header["Connection"], "close")
	lengths, codings := h.header["Content-Length"], h.header["Transfer-Encoding"]
	length = -1
	if len(codings) > 0 {
		switch {
		case len(lengths) > 0:
			return 0, 0, false, malformed("both Content-Length and Transfer-Encoding")
		case h.minor == 0:
			return 0, 0, false, malformed("Transfer-Encoding in HTTP/1.0")
		case len(codings) > 1 || !strings.EqualFold(codings[0], "chunked"):
			return 0, 0, false, malformed("Transfer-Encoding other than chunked")
		}
	}
	if len(lengths) > 1 {
		return 0, 0, false, malformed("more than one Content-Length")
	}
	if len(lengths) == 1 {
		if length, err = parseLength(lengths[0]); err != nil {
			return 0, 0, false, err
		}
	}
	switch {
	case method == http.MethodHead || h.status == http.StatusNoContent || h.status == http.StatusNotModified:
		return bodyNone, 0, keep, nil
	case len(codings) > 0:
		return bodyChunked, -1, keep, nil
	case length >= 0:
		return bodyLength, length, keep, nil
	}
	return bodyUntilClose, -1, false, nil
}

func parseLength(text string) (int64, error) {
	if text == "" || len(text) > 18 {
		return 0, malformed("Content-Length")
	}
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, malformed("Content-Length")
		}
	}
	return strconv.ParseInt(text, 10, 64)
}

// keepAliveTimeout reads "Keep-Alive: timeout=5", or returns 0.
func keepAliveTimeout(header http.Header) time.Duration {
	for _, value := range header["Keep-Alive"] {
		for part := range strings.SplitSeq(value, ",") {
			name, number, _ := strings.Cut(strings.TrimSpace(part), "=")
			if !strings.EqualFold(name, "timeout") {
				continue
			}
			if seconds, err := strconv.Atoi(number); err == nil && seconds > 0 && seconds < 1<<20 {
				return time.Duration(seconds) * time.Second
			}
		}
	}
	return 0
}

func hasToken(values []string, token string) bool {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}
