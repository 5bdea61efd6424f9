//go:build unix

package docscheck

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// TestCollectionRuns sends each request of the Postman collection as it stands,
// in order, to a fresh omni up: it succeeds, with a status that the OpenAPI
// document knows. Those whose path names something that must be there first are
// left out.
func TestCollectionRuns(t *testing.T) {
	t.Parallel()
	var collection struct {
		Item []struct {
			Item []struct {
				Name    string
				Request collectionRequest
			}
		}
	}
	readJSON(t, "api/spec/postman.json", &collection)
	var spec struct {
		Paths map[string]map[string]struct{ Responses map[string]any }
	}
	readJSON(t, "api/spec/openapi.json", &spec)
	url := up(t, binaries(t), t.TempDir())
	// Webhooks go to the gateway itself, which refuses them, and not to a stranger.
	fill := strings.NewReplacer("{{baseUrl}}", url, "{{apiKey}}", "demo-enterprise-key-abcdef", "{{masterKey}}", masterKey, "https://example.com", url)
	sent := 0
	for _, folder := range collection.Item {
		for _, item := range folder.Item {
			if strings.Contains(item.Request.URL.Raw, "/:") {
				continue
			}
			if strings.HasSuffix(item.Request.URL.Raw, "/admin/config/reload") {
				continue // omni up has no file to read again; internal/e2e reloads
			}
			sent++
			status, body := item.Request.send(t, fill)
			path := strings.TrimPrefix(item.Request.URL.Raw, "{{baseUrl}}")
			_, described := spec.Paths[path][strings.ToLower(item.Request.Method)].Responses[strconv.Itoa(status)]
			if status < 200 || status > 299 || !described {
				t.Errorf("%s: %s %s: %d, in the OpenAPI document: %t\n%.500s", item.Name, item.Request.Method, path, status, described, body)
			}
		}
	}
	if sent < 40 {
		t.Errorf("only %d requests were sent", sent)
	}
}

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text(t, name)), into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// collectionRequest is what of a request is sent.
type collectionRequest struct {
	Method string
	Header []struct {
		Key, Value string
		Disabled   bool
	}
	URL  struct{ Raw string }
	Body struct{ Raw string }
	Auth *struct {
		Type   string
		APIKey []struct{ Value string }
	}
}

func (r collectionRequest) send(t *testing.T, fill *strings.Replacer) (status int, body []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.Method, fill.Replace(r.URL.Raw), strings.NewReader(fill.Replace(r.Body.Raw)))
	if err != nil {
		t.Fatal(err)
	}
	key := "{{apiKey}}"
	if r.Auth != nil && r.Auth.Type == "noauth" {
		key = ""
	} else if r.Auth != nil {
		key = r.Auth.APIKey[1].Value
	}
	if key != "" {
		req.Header.Set("X-API-Key", fill.Replace(key))
	}
	for _, h := range r.Header {
		if !h.Disabled {
			req.Header.Set(h.Key, h.Value)
		}
	}
	transport := &http.Transport{DisableKeepAlives: true} // no proxy
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, body
}
