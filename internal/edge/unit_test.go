package edge

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzCleanPath(f *testing.F) {
	for _, s := range []string{"/", "/health", "/a/../b", "/%2e%2e/x", "//x", "/x%2fy", "/\\x", "/%61gents/status", "/jobs/é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := url.ParseRequestURI(raw)
		if err != nil {
			return
		}
		p, err := cleanPath(u)
		if err != nil {
			return
		}
		if !strings.HasPrefix(p, "/") || strings.Contains(p, "//") || strings.Contains(p, "/../") || strings.HasSuffix(p, "/..") ||
			strings.Contains(p, "/./") || strings.ContainsAny(p, "\\\x00\r\n%") {
			t.Fatalf("%q was taken as %q", raw, p)
		}
	})
}

func FuzzCheckJSON(f *testing.F) {
	for _, s := range []string{`{}`, `[[[1]]]`, `{"a":"\"["}`, `[NaN]`, `"\ud800"`, "{\"a\":\xff}", `{"a":1}x`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if checkJSON(body, 16) != nil {
			return
		}
		var v any
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber() // 1E700 is JSON; whether it is of use, its reader says
		if err := d.Decode(&v); err != nil || !json.Valid(body) || !utf8.Valid(body) {
			t.Fatalf("%q passed but cannot be read: %v", body, err)
		}
		if d := depthOf(v); d > 16 {
			t.Fatalf("%q passed with depth %d", body, d)
		}
	})
}

func depthOf(v any) int {
	deepest := 0
	switch v := v.(type) {
	case map[string]any:
		for _, x := range v {
			deepest = max(deepest, depthOf(x))
		}
		return deepest + 1
	case []any:
		for _, x := range v {
			deepest = max(deepest, depthOf(x))
		}
		return deepest + 1
	default:
		return 0
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	tab, err := newTable([]*entry{
		{method: "GET", pattern: "/models"},
		{method: "POST", pattern: "/models/train"},
		{method: "POST", pattern: "/models/{name}/promote"},
		{method: "*", pattern: "/admin/*"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, path, pattern string }{
		{"GET", "/models", "/models"},
		{"POST", "/models/train", "/models/train"},
		{"POST", "/models/a.b-1/promote", "/models/{name}/promote"},
		{"DELETE", "/admin/keys/1", "/admin/*"},
		{"GET", "/admin", ""},
		{"POST", "/models/a b/promote", ""},
		{"POST", "/models//promote", ""},
		{"GET", "/models/train", ""},
		{"POST", "/models/a/b/promote", ""},
	} {
		entries, _ := tab.find(c.path)
		got := ""
		if e := pick(entries, c.method); e != nil {
			got = e.pattern
		}
		if got != c.pattern {
			t.Errorf("%s %s: %q, want %q", c.method, c.path, got, c.pattern)
		}
	}
	if _, err := newTable([]*entry{{method: "GET", pattern: "/x"}, {method: "GET", pattern: "/x"}}); err == nil {
		t.Error("a route that stands twice was accepted")
	}
}

func TestStrictConnFindsTwoFramings(t *testing.T) {
	t.Parallel()
	for stream, want := range map[string]bool{
		"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n":                          true,
		"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nA: b\r\ncontent-length: 5\r\n\r\n":                  true,
		"POST / HTTP/1.1\nContent-Length:5\nTransfer-Encoding:chunked\n\n":                                    true,
		"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n": false,
		"POST / HTTP/1.1\r\nContent-Length: 40\r\n\r\n{\"x\": \"Transfer-Encoding: chunked\"}\n":              false,
		"POST / HTTP/1.1\r\nX-Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n":                        false,
	} {
		for step := 1; step <= len(stream); step += 7 {
			a, b := net.Pipe()
			go func() {
				for rest := stream; rest != ""; {
					n := min(step, len(rest))
					_, _ = io.WriteString(a, rest[:n])
					rest = rest[n:]
				}
				_ = a.Close()
			}()
			c := &strictConn{Conn: b}
			if _, err := io.ReadAll(c); err != nil {
				t.Fatal(err)
			}
			if got := c.twoFramings.Load(); got != want {
				t.Errorf("%q in steps of %d: %v", stream, step, got)
			}
			_ = b.Close()
		}
	}
}
