package cli_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/omni-run/omni/api"
)

func TestWebhooks(t *testing.T) {
	t.Parallel()
	var seen []string
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		_ = json.NewDecoder(r.Body).Decode(&body) // empty for most
		raw, _ := json.Marshal(body)
		seen = append(seen, r.Method+" "+r.URL.Path+" "+string(raw)+" "+r.Header.Get("X-API-Key"))
		hook := api.Webhook{ID: "wh_1", URL: "https://example.com/", Events: []string{api.EventJobFailed}, State: api.WebhookActive}
		var answer any = api.NewWebhookAnswer{Webhook: hook, Secret: "whsec_x"}
		if r.Method == http.MethodGet {
			answer = api.WebhooksAnswer{Webhooks: []api.Webhook{hook}}
			if r.URL.Path != "/webhooks" {
				answer = api.WebhookAnswer{Webhook: hook, Deliveries: []api.Delivery{{ID: "msg_1", Event: api.EventJobFailed, State: api.DeliveryFailed, Problem: "the connection failed"}}}
			}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	defer gateway.Close()
	env := map[string]string{"OMNI_URL": gateway.URL, "OMNI_API_KEY": "key-of-a-tenant"}
	for args, want := range map[string]string{
		"create https://example.com/ --events job.failed": "whsec_x\n", "list": "wh_1", "show wh_1": "the connection failed", "test wh_1": "is on its way",
		"rotate wh_1 --overlap 1h": "whsec_x\n", "delete wh_1": "deleted",
	} {
		stdout, stderr, code := omni(t, "", env, append([]string{"webhooks"}, strings.Fields(args)...)...)
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("%s: %d %q %q", args, code, stdout, stderr)
		}
	}
	calls := strings.Join(seen, "\n")
	for _, want := range []string{
		`POST /webhooks {"events":["job.failed"],"url":"https://example.com/"} key-of-a-tenant`, `POST /webhooks/wh_1/rotate {"overlap":"1h0m0s"}`,
		"POST /webhooks/wh_1/test", "DELETE /webhooks/wh_1", "GET /webhooks/wh_1", "GET /webhooks null",
	} {
		if !strings.Contains(calls, want) {
			t.Errorf("no %s in\n%s", want, calls)
		}
	}
	for _, args := range []string{"create", "show", "test", "rotate", "delete", "delete a b", "list a"} {
		if _, stderr, code := omni(t, "", env, append([]string{"webhooks"}, strings.Fields(args)...)...); code != 2 || stderr == "" {
			t.Errorf("%s: %d %q", args, code, stderr)
		}
	}
}
