package upstream

import (
	"net/http"
	"net/textproto"
	"strings"
)

// HopByHop reports whether the canonical name is that of a field that concerns
// one connection only (RFC 9110, section 7.6.1) and is never forwarded.
func HopByHop(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// ConnectionListed calls yield with the canonical form of each field that the
// Connection fields of header declare to be hop-by-hop.
func ConnectionListed(header http.Header) func(yield func(name string) bool) {
	return func(yield func(string) bool) {
		for _, value := range header["Connection"] {
			for part := range strings.SplitSeq(value, ",") {
				if name := textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(part)); name != "" && !yield(name) {
					return
				}
			}
		}
	}
}

// stripHops removes from an answer's header what is not for the caller.
func stripHops(header http.Header) {
	if len(header["Connection"]) > 0 {
		stripListed(header)
	}
	for name := range header {
		if HopByHop(name) {
			delete(header, name)
		}
	}
}

// stripListed removes what the Connection fields name.
func stripListed(header http.Header) {
	for name := range ConnectionListed(header) {
		if name != "Content-Type" && name != "Content-Length" && name != "Connection" {
			delete(header, name)
		}
	}
}
