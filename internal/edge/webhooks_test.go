package edge_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/webhook"
)

func TestWebhooksOfATenant(t *testing.T) {
	t.Parallel()
	got := make(chan *http.Request, 8)
	bodies := make(chan []byte, 8)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r
		bodies <- body
	}))
	defer receiver.Close()
	f := start(t, setup{})
	made := f.call("POST", "/webhooks", proKey, `{"url":"`+receiver.URL+`/hook","events":["job.succeeded"]}`, "Idempotency-Key", "k")
	text, _ := made.json["secret"].(string)
	secret, err := webhook.ParseSecret(text)
	if made.status != 201 || err != nil || made.json["request_id"] == nil {
		t.Fatalf("%d %s %v", made.status, made.raw, err)
	}
	path := made.header.Get("Location")
	if again := f.call("POST", "/webhooks", proKey, `{"url":"`+receiver.URL+`/other"}`, "Idempotency-Key", "k"); again.status != 201 {
		t.Errorf("a secret was kept for repetition: %d %s", again.status, again.raw)
	}

	f.call("POST", "/predict/churn", proKey, `{}`, "Prefer", "respond-async")
	for range 2 {
		select {
		case r := <-got:
			body := <-bodies
			if r.URL.Path != "/hook" {
				continue // the other's, for it asked for every event
			}
			if err := webhook.Verify(r.Header, body, secret, time.Now()); err != nil || !strings.Contains(string(body), `"type":"job.succeeded"`) {
				t.Errorf("%v %s", err, body)
			}
		case <-time.After(time.Minute):
			t.Fatal("no message")
		}
	}
	eventually(t, "the delivery in the log", func() bool {
		return strings.Contains(f.call("GET", path, proKey, "").raw, `"state":"delivered"`)
	})
	if a := f.call("GET", "/webhooks", proKey, ""); a.status != 200 || len(a.json["webhooks"].([]any)) != 2 || strings.Contains(a.raw, "whsec_") {
		t.Errorf("%d %s", a.status, a.raw)
	}
	if a := f.call("POST", path+"/rotate", proKey, `{"overlap":"1h"}`); a.status != 200 || a.json["secret"] == text {
		t.Errorf("%d %s", a.status, a.raw)
	}
	if a := f.call("POST", path+"/test", proKey, ""); a.status != 202 {
		t.Errorf("%d %s", a.status, a.raw)
	}
	for _, c := range []struct {
		method, path, key, body string
		status                  int
	}{
		{"GET", path, freeKey, "", 404},
		{"DELETE", path, freeKey, "", 404},
		{"POST", path + "/test", freeKey, "", 404},
		{"POST", path + "/rotate", freeKey, `{}`, 404},
		{"GET", "/webhooks", "", "", 401},
		{"PUT", path, proKey, `{}`, 405},
		{"POST", path + "/rotate", proKey, `{"overlap":"-1h"}`, 422},
		{"POST", "/webhooks", proKey, "", 400},
		{"POST", "/webhooks", proKey, `{"url":1}`, 422},
		{"POST", "/webhooks", proKey, `{"uri":"x"}`, 400},
		{"POST", "/webhooks", proKey, `{"url":"https://169.254.169.254/latest/meta-data"}`, 422},
		{"POST", "/webhooks", proKey, `{"url":"https://[fd00:ec2::254]/"}`, 422},
		{"POST", "/webhooks", proKey, `{"url":"https://example.com","events":["job.x"]}`, 422},
		{"DELETE", path, proKey, "", 200},
		{"GET", path, proKey, "", 404},
	} {
		if a := f.call(c.method, c.path, c.key, c.body); a.status != c.status || (c.status >= 400 && a.code() == "") {
			t.Errorf("%s %s %s: want %d, got %d %s", c.method, c.path, c.body, c.status, a.status, a.raw)
		}
	}
}
