package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/jobs"
	"github.com/omni-run/omni/internal/webhook"
)

// message is what a receiver was sent.
type message struct {
	header http.Header
	body   []byte
}

// receiver keeps what it is sent and answers with status.
type receiver struct {
	*httptest.Server
	got    chan message
	status atomic.Int64
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{got: make(chan message, 64)}
	r.status.Store(200)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.got <- message{q.Header, body}
		w.WriteHeader(int(r.status.Load()))
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) next(t *testing.T) message {
	t.Helper()
	select {
	case m := <-r.got:
		return m
	case <-time.After(time.Minute):
		t.Fatal("no message came")
		return message{}
	}
}

// withWebhooks lets messages go to this machine, and retries be quick.
func withWebhooks(o jobs.Options) jobs.Options {
	o.Webhooks = jobs.Webhooks{
		Guard: webhook.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, AllowHTTP: true},
		Key:   []byte("0123456789abcdef0123456789abcdef"), Retries: []time.Duration{time.Millisecond, time.Millisecond},
	}
	return o
}

func fine(context.Context, jobs.Spec, func(float64)) ([]byte, error) {
	return []byte(`{"large":1}`), nil
}

func hook(t *testing.T, m *jobs.Manager, tenant, url string, events ...string) (api.Webhook, webhook.Secret) {
	t.Helper()
	w, text, err := m.CreateWebhook(t.Context(), tenant, &api.CreateWebhookRequest{URL: url, Events: events})
	if err != nil {
		t.Fatal(err)
	}
	secret, err := webhook.ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return w, secret
}

func testWebhooks(t *testing.T, on fresh) {
	r, deaf := newReceiver(t), newReceiver(t)
	m := start(t, withWebhooks(on(t)), func(ctx context.Context, s jobs.Spec, p func(float64)) ([]byte, error) {
		if s.Endpoint == "/fail" {
			return nil, api.Unprocessable("too_short", "too short")
		}
		return fine(ctx, s, p)
	})
	w, secret := hook(t, m, "a", r.URL)
	hook(t, m, "a", deaf.URL, api.EventJobCancelled)
	hook(t, m, "b", deaf.URL)
	for endpoint, want := range map[string]string{"/fine": api.EventJobSucceeded, "/fail": api.EventJobFailed} {
		id := submit(t, m, jobs.Spec{Tenant: "a", Endpoint: endpoint, RequestID: "r1"})
		got := r.next(t)
		if err := webhook.Verify(got.header, got.body, secret, time.Now()); err != nil {
			t.Errorf("%v: %v", err, got.header)
		}
		var said struct {
			Type string
			Data api.Job
		}
		if err := json.Unmarshal(got.body, &said); err != nil || said.Type != want || said.Data.JobID != id || said.Data.Result != nil || said.Data.FinishedAt == nil {
			t.Errorf("%v %s", err, got.body)
		}
		waitFor(t, "the delivery in the log", func() bool {
			_, list, err := m.Webhook(t.Context(), "a", w.ID)
			return err == nil && len(list) > 0 && list[0].ID == got.header.Get("webhook-id") && list[0].State == api.DeliveryDelivered && list[0].AnswerStatus == 200
		})
	}
	if len(deaf.got) != 0 {
		t.Errorf("told what it did not ask for: %s", (<-deaf.got).body)
	}
	testOthersWebhooks(t, m, w.ID)
	if err := m.DeleteWebhook(t.Context(), "a", w.ID); err != nil {
		t.Fatal(err)
	}
	if list, err := m.ListWebhooks(t.Context(), "a"); err != nil || len(list) != 1 {
		t.Errorf("%v %v", list, err)
	}
}

func testOthersWebhooks(t *testing.T, m *jobs.Manager, id string) {
	t.Helper()
	_, _, read := m.Webhook(t.Context(), "b", id)
	_, rotate := m.RotateWebhook(t.Context(), "b", id, time.Hour)
	_, test := m.TestWebhook(t.Context(), "b", id)
	for what, err := range map[string]error{"read": read, "rotate": rotate, "test": test, "delete": m.DeleteWebhook(t.Context(), "b", id)} {
		var refused *api.Error
		if !errors.As(err, &refused) || refused.HTTP != 404 {
			t.Errorf("another tenant's %s: %v", what, err)
		}
	}
	for _, bad := range []api.CreateWebhookRequest{
		{URL: "https://10.0.0.1/x"},
		{URL: ""},
		{URL: "ftp://example.com"},
		{URL: "https://u:p@example.com"},
		{URL: "https://example.com", Events: []string{"job.invented"}},
	} {
		var refused *api.Error
		if _, _, err := m.CreateWebhook(t.Context(), "a", &bad); !errors.As(err, &refused) || refused.HTTP != 422 {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	for i := range 20 {
		_, _, err := m.CreateWebhook(t.Context(), "many", &api.CreateWebhookRequest{URL: "https://example.com/"})
		var refused *api.Error
		if full := errors.As(err, &refused) && refused.HTTP == 409; full != (i >= 10) {
			t.Errorf("webhook %d: %v", i+1, err)
		}
	}
}

// A message is sent again under the same id until it is taken or given up.
func testWebhookRetries(t *testing.T, on fresh) {
	r := newReceiver(t)
	r.status.Store(503)
	m := start(t, withWebhooks(on(t)), fine)
	w, secret := hook(t, m, "a", r.URL)
	submit(t, m, jobs.Spec{Tenant: "a"})
	first := r.next(t)
	r.status.Store(204)
	second := r.next(t)
	if first.header.Get("webhook-id") == "" || first.header.Get("webhook-id") != second.header.Get("webhook-id") || string(first.body) != string(second.body) {
		t.Errorf("%v %v", first, second)
	}
	if err := webhook.Verify(second.header, second.body, secret, time.Now()); err != nil {
		t.Error(err)
	}
	waitFor(t, "taken", func() bool {
		w, list, err := m.Webhook(t.Context(), "a", w.ID)
		return err == nil && list[0].State == api.DeliveryDelivered && list[0].Attempts == 2 && w.FailingSince == nil
	})
	r.status.Store(302)
	submit(t, m, jobs.Spec{Tenant: "a"})
	for range 3 {
		r.next(t)
	}
	waitFor(t, "given up", func() bool {
		w, list, err := m.Webhook(t.Context(), "a", w.ID)
		return err == nil && list[0].State == api.DeliveryFailed && list[0].Attempts == 3 && list[0].AnswerStatus == 302 &&
			strings.Contains(list[0].Problem, "redirects") && w.FailingSince != nil
	})
}

func testWebhookRotation(t *testing.T, on fresh) {
	r := newReceiver(t)
	o := withWebhooks(on(t))
	var ahead atomic.Int64
	o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	m := start(t, o, fine)
	w, old := hook(t, m, "a", r.URL)
	text, err := m.RotateWebhook(t.Context(), "a", w.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := webhook.ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, overlap := range []bool{true, false} {
		if !overlap {
			ahead.Store(int64(2 * time.Hour))
		}
		if _, err := m.TestWebhook(t.Context(), "a", w.ID); err != nil {
			t.Fatal(err)
		}
		got := r.next(t)
		if err := webhook.Verify(got.header, got.body, fresh, o.Now()); err != nil {
			t.Error(err)
		}
		if err := webhook.Verify(got.header, got.body, old, o.Now()); (err == nil) != overlap {
			t.Errorf("overlap %v, the old secret: %v", overlap, err)
		}
	}
}

// An endpoint that takes nothing for long is given up; one that says 410 at
// once. A test message that is taken makes it active again.
func testWebhookGivenUp(t *testing.T, on fresh) {
	r := newReceiver(t)
	o := withWebhooks(on(t))
	o.Webhooks.DisableAfter = time.Nanosecond
	m := start(t, o, fine)
	state := func(id string) string {
		w, _, err := m.Webhook(t.Context(), "a", id)
		if err != nil {
			t.Fatal(err)
		}
		return w.State
	}
	w, _ := hook(t, m, "a", r.URL)
	for _, status := range []int64{500, 410} {
		r.status.Store(status)
		submit(t, m, jobs.Spec{Tenant: "a"})
		waitFor(t, "disabled", func() bool { return state(w.ID) == api.WebhookDisabled })
		r.status.Store(200)
		if _, err := m.TestWebhook(t.Context(), "a", w.ID); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "active again", func() bool { return state(w.ID) == api.WebhookActive })
	}
}

// Secrets are not in the file in plain text where a key is configured, and
// another key does not open them.
func TestWebhookSecretsAreSealed(t *testing.T) {
	t.Parallel()
	o := withWebhooks(onSQLite(t))
	m := start(t, o, fine)
	w, secret := hook(t, m, "a", "https://example.com/")
	var stored []byte
	if err := open(t, o.Path).QueryRowContext(t.Context(), `SELECT secret FROM webhooks WHERE id = ?`, w.ID).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(stored), string(secret)) || len(stored) <= len(secret) {
		t.Errorf("%x holds %x", stored, []byte(secret))
	}
}
