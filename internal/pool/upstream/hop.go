package upstream

import (
	"net/http"
	"net/textproto"
	"strings"
)

// hopByHop are the fields that concern one connection only (RFC 9110, section
// 7.6.1), in canonical form.
var hopByHop = map[string]bool{
	"Connection": true, "Proxy-Connection": true, "Keep-Alive": true,
	"Proxy-Authenticate": true, "Proxy-Authorization": true, "Te": true,
	"Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
}

// HopByHop reports whether the canonical name is one that is never forwarded.
func HopByHop(name string) bool { return hopByHop[name] }

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
	for name := range ConnectionListed(header) {
		if name != "Content-Type" && name != "Content-Length" && name != "Connection" {
			delete(header, name)
		}
	}
	for name := range header {
		if hopByHop[name] {
			delete(header, name)
		}
	}
}
