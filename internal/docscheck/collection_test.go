//go:build unix

package docscheck

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCollectionRuns sends each request of the Postman collection as it stands,
// in order, to a fresh omni up. Those whose path names something that must be
// there first are left out.
func TestCollectionRuns(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(root, "api", "spec", "postman.json"))
	if err != nil {
		t.Fatal(err)
	}
	var collection struct {
		Item []struct {
			Item []struct {
				Name    string
				Request collectionRequest
			}
		}
	}
	if err := json.Unmarshal(raw, &collection); err != nil {
		t.Fatal(err)
	}
	url := up(t, binaries(t), t.TempDir())
	// Webhooks go to the gateway itself, which refuses them, and not to a stranger.
	fill := strings.NewReplacer("{{baseUrl}}", url, "{{apiKey}}", "demo-enterprise-key-abcdef", "{{masterKey}}", masterKey, "https://example.com", url)
	sent := 0
	for _, folder := range collection.Item {
		for _, item := range folder.Item {
			if strings.Contains(item.Request.URL.Raw, "/:") {
				continue
			}
			sent++
			status, body := item.Request.send(t, fill)
			if status < 200 || status > 299 {
				t.Errorf("%s: %s %s: %d\n%.500s", item.Name, item.Request.Method, item.Request.URL.Raw, status, body)
			}
		}
	}
	if sent < 40 {
		t.Errorf("only %d requests were sent", sent)
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
