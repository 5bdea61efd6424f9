package upgrade

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// calls are sent over and over: without state, with a tenant's data, and work
// that takes a while. All of them are routes that may be sent again.
var calls = []struct{ path, body string }{
	{"/sentiment/analyze", `{"text":"I love it"}`},
	{"/vectors/query", `{"text":"forgot password","top_k":1}`},
	{"/predict/revenue", `{"historical_data":[` + days(60) + `],"forecast_days":7}`},
	{"/vectors/upsert", `{"items":[{"id":"other","text":"the weather is fine"}]}`},
}

func days(n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(`{"date":%q,"revenue":%d}`, time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), 100+i%7)
	}
	return strings.Join(out, ",")
}

// send makes one call; an answer other than 200 is an error.
func send(ctx context.Context, client *http.Client, address, path, body, idempotencyKey string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-API-Key", masterKey)
	req.Header.Set("Content-Type", "application/json")
	if idempotencyKey != "" {
		req.Header.Set("Idempotency-Key", idempotencyKey)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %d: %s", path, res.StatusCode, raw)
	}
	return raw, err
}

// load is callers that never stop until end.
type load struct {
	t       *testing.T
	stop    context.CancelFunc
	callers sync.WaitGroup
	done    [4]atomic.Int64 // by caller
	failed  atomic.Int64
}

// newLoad starts callers of two kinds: those that open a connection for each
// call, and those that keep theirs and, because a kept connection may close
// under a call, give each call an idempotency key, so that the HTTP client may
// repeat it.
func newLoad(t *testing.T, address string) *load {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := &load{t: t, stop: stop}
	t.Cleanup(func() { stop(); l.callers.Wait() })
	for caller := range l.done {
		keeps := caller%2 == 0
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: !keeps}}
		l.callers.Go(func() {
			defer client.CloseIdleConnections()
			for i := 0; ctx.Err() == nil; i++ {
				c := calls[(caller+i)%len(calls)]
				key := ""
				if keeps {
					key = fmt.Sprintf("caller-%d-call-%d", caller, i)
				}
				// A call that has begun is finished: its failure counts.
				if _, err := send(context.WithoutCancel(ctx), client, address, c.path, c.body, key); err != nil {
					l.failed.Add(1)
					t.Errorf("caller %d, call %d: %v", caller, i, err)
					return
				}
				l.done[caller].Add(1)
			}
		})
	}
	return l
}

func (l *load) total() (n int64) {
	for i := range l.done {
		n += l.done[i].Load()
	}
	return n
}

// more returns when n more calls have succeeded.
func (l *load) more(n int64) {
	l.t.Helper()
	want := l.total() + n
	l.until(func() bool { return l.total() >= want })
}

// settle returns when every call that was under way has been answered.
func (l *load) settle() {
	l.t.Helper()
	for i := range l.done {
		seen := l.done[i].Load()
		l.until(func() bool { return l.done[i].Load() > seen })
	}
}

func (l *load) until(reached func() bool) {
	l.t.Helper()
	for end := time.Now().Add(limit); !reached(); time.Sleep(time.Millisecond) {
		if l.failed.Load() > 0 || time.Now().After(end) {
			l.t.Fatalf("%d calls succeeded, %d failed, no progress", l.total(), l.failed.Load())
		}
	}
}

func (l *load) end() {
	l.stop()
	l.callers.Wait()
	l.t.Logf("%d calls succeeded, %d failed", l.total(), l.failed.Load())
}

func store(t *testing.T, address, id, text string) {
	t.Helper()
	if _, err := send(t.Context(), http.DefaultClient, address, "/vectors/upsert", fmt.Sprintf(`{"items":[{"id":%q,"text":%q}]}`, id, text), ""); err != nil {
		t.Fatal(err)
	}
}

func nearest(t *testing.T, address, text string) string {
	t.Helper()
	raw, err := send(t.Context(), http.DefaultClient, address, "/vectors/query", fmt.Sprintf(`{"text":%q,"top_k":1}`, text), "")
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ Results []struct{ ID string } }
	if err := json.Unmarshal(raw, &answer); err != nil || len(answer.Results) == 0 {
		t.Fatalf("%s (%v)", raw, err)
	}
	return answer.Results[0].ID
}
