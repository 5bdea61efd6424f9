package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
)

// testing harness: a server that answers from a script, and a client whose
// pauses are recorded instead of slept.
type harness struct {
	*Client
	calls  atomic.Int32
	pauses []time.Duration
}

func start(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request), options ...Option) *harness {
	t.Helper()
	h := &harness{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer(int(h.calls.Add(1)), w, r)
	}))
	t.Cleanup(srv.Close)
	c, err := New(srv.URL+"/", "demo-pro-key-67890", options...)
	if err != nil {
		t.Fatal(err)
	}
	c.sleep = func(ctx context.Context, d time.Duration) error {
		h.pauses = append(h.pauses, d)
		return ctx.Err()
	}
	c.jitter = func() float64 { return 0.5 }
	h.Client = c
	return h
}

func fail(w http.ResponseWriter, status int, code, retryAfter string) {
	if retryAfter != "" {
		w.Header().Set("Retry-After", retryAfter)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"status":"error","error":%q,"message":"try less","request_id":"r1","details":[{"field":"time_series[3]","problem":"is NaN"}]}`, code)
}

const good = `{"status":"success","request_id":"r2","warnings":[],"text":"fine","sentiment":"positive","score":0.9}`

func sentiment(c *Client, o ...CallOption) (*api.SentimentAnswer, error) {
	text := "fine"
	return c.Sentiment(context.Background(), &api.SentimentRequest{Text: &text}, o...)
}

func TestCallAndAnswer(t *testing.T) {
	t.Parallel()
	h := start(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || r.URL.Path != "/sentiment/analyze" || r.Header.Get("X-API-Key") != "demo-pro-key-67890" ||
			r.Header.Get("Content-Type") != "application/json" || string(body) != `{"text":"fine"}` ||
			r.Header.Get("X-Request-ID") != "mine" || r.Header.Get("X-Omni-Max-Wait") != "30s" || r.Header.Get("User-Agent") != "shop" {
			t.Errorf("%s %s %v %s", r.Method, r.URL, r.Header, body)
		}
		w.Header().Set("X-Request-ID", "mine")
		w.Header().Set("X-RateLimit-Limit", "100")
		w.Header().Set("X-RateLimit-Remaining", "19")
		w.Header().Set("X-RateLimit-Reset", "1790000000")
		w.Header().Set("X-Omni-Cold-Start", "true")
		io.WriteString(w, good)
	}, WithUserAgent("shop"))
	var info Info
	a, err := sentiment(h.Client, WithRequestID("mine"), WithMaxWait(30*time.Second), WithInfo(&info))
	if err != nil || a.Sentiment != "positive" || a.RequestID != "r2" {
		t.Fatalf("%+v %v", a, err)
	}
	if want := (Info{Status: 200, RequestID: "mine", Limit: 100, Remaining: 19, Reset: time.Unix(1790000000, 0), ColdStart: true, Attempts: 1}); info != want {
		t.Fatalf("%+v", info)
	}
}

func TestErrorsAreTyped(t *testing.T) {
	t.Parallel()
	h := start(t, func(_ int, w http.ResponseWriter, _ *http.Request) { fail(w, 422, "too_few_points", "") })
	_, err := sentiment(h.Client)
	var e *Error
	if !errors.As(err, &e) || e.Status != 422 || e.Code != "too_few_points" || e.RequestID != "r1" || len(e.Details) != 1 || h.calls.Load() != 1 {
		t.Fatalf("%#v after %d calls", err, h.calls.Load())
	}
	if want := "too_few_points: try less; time_series[3] is NaN"; err.Error() != want {
		t.Fatalf("%q", err)
	}
}

func TestAnswersThatAreNotOmnis(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"html": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); io.WriteString(w, "<html>") }, "HTTP 404: Not Found"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
		}, "elsewhere.example"},
		"not json": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }, "reading the answer"},
		"huge":     {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat(" ", 2000)) }, "larger than 1000 bytes"},
		"a job": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(202)
			io.WriteString(w, `{"status":"accepted","job_id":"j"}`)
		}, "call it through Async"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, func(_ int, w http.ResponseWriter, r *http.Request) { c.answer(w, r) }, WithMaxResponse(1000))
			_, err := sentiment(h.Client)
			if err == nil || !strings.Contains(err.Error(), c.want) || h.calls.Load() != 1 {
				t.Fatalf("%v after %d calls, want %q", err, h.calls.Load(), c.want)
			}
		})
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	key := WithIdempotencyKey("k1")
	for name, c := range map[string]struct {
		status     int
		retryAfter string
		options    []CallOption
		calls      int32
		pause      time.Duration
	}{
		"429 waits as told":                     {429, "2", nil, 3, 2 * time.Second},
		"503 waits as told":                     {503, "1", nil, 3, time.Second},
		"503 unsaid may have run":               {503, "", nil, 1, 0},
		"503 unsaid with a key":                 {503, "", []CallOption{key}, 3, 200 * time.Millisecond},
		"502 may have run":                      {502, "", nil, 1, 0},
		"502 with a key":                        {502, "", []CallOption{key}, 3, 200 * time.Millisecond},
		"504 may have run":                      {504, "1", nil, 1, 0},
		"500 is final":                          {500, "1", []CallOption{key}, 1, 0},
		"422 is final":                          {422, "1", []CallOption{key}, 1, 0},
		"a wait beyond the bound is not waited": {429, "3600", nil, 1, 0},
		"a wait that is nonsense":               {429, "soon", nil, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, func(n int, w http.ResponseWriter, r *http.Request) {
				if len(c.options) > 0 && r.Header.Get("Idempotency-Key") != "k1" {
					t.Error("the key was not sent")
				}
				if body, _ := io.ReadAll(r.Body); string(body) != `{"text":"fine"}` {
					t.Errorf("attempt %d sent %q", n, body)
				}
				if n == 3 {
					io.WriteString(w, good)
					return
				}
				fail(w, c.status, "no", c.retryAfter)
			})
			_, err := sentiment(h.Client, c.options...)
			if h.calls.Load() != c.calls || (c.calls == 3) != (err == nil) {
				t.Fatalf("%d calls, %v", h.calls.Load(), err)
			}
			if c.calls == 3 && h.pauses[0] != c.pause {
				t.Fatalf("paused %v, want %v", h.pauses, c.pause)
			}
		})
	}
}

// A 503 whose code says that the call may have run is repeated only where that
// does no harm, though the gateway names a time after which it can be reached.
func TestRetriesOfWhatMayHaveRun(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"interrupted", "storage_unavailable"} {
		for want, options := range map[int32][]CallOption{1: nil, 2: {WithIdempotencyKey("k1")}} {
			h := start(t, func(n int, w http.ResponseWriter, _ *http.Request) {
				if n == 2 {
					io.WriteString(w, good)
					return
				}
				fail(w, 503, code, "1")
			})
			if _, err := sentiment(h.Client, options...); h.calls.Load() != want || (err == nil) != (want == 2) {
				t.Errorf("%s: %d calls, want %d: %v", code, h.calls.Load(), want, err)
			}
		}
	}
}

func TestRetriesEnd(t *testing.T) {
	t.Parallel()
	h := start(t, func(_ int, w http.ResponseWriter, _ *http.Request) { fail(w, 429, "rate_limited", "1") }, WithRetries(2))
	_, err := sentiment(h.Client)
	var e *Error
	if !errors.As(err, &e) || e.RetryAfter != time.Second || h.calls.Load() != 3 {
		t.Fatalf("%v after %d calls", err, h.calls.Load())
	}
}

// A broken connection may have carried the call: only safe calls go again.
func TestBrokenConnection(t *testing.T) {
	t.Parallel()
	breakFirst := func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				conn.Close()
			}
			return
		}
		io.WriteString(w, good)
	}
	h := start(t, breakFirst)
	if _, err := sentiment(h.Client); err == nil || h.calls.Load() != 1 {
		t.Fatalf("a POST was repeated: %v, %d calls", err, h.calls.Load())
	}
	h = start(t, breakFirst)
	if _, err := sentiment(h.Client, WithIdempotencyKey("k")); err != nil || h.calls.Load() != 2 {
		t.Fatalf("%v, %d calls", err, h.calls.Load())
	}
	h = start(t, breakFirst)
	if _, err := h.Agents(context.Background()); err != nil || h.calls.Load() != 2 {
		t.Fatalf("%v, %d calls", err, h.calls.Load())
	}
}

func TestRefusedConnectionIsTriedAgain(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + ln.Addr().String()
	ln.Close()
	c, err := New(url, "k", WithRetries(2))
	if err != nil {
		t.Fatal(err)
	}
	pauses := 0
	c.sleep = func(context.Context, time.Duration) error { pauses++; return nil }
	if _, err := sentiment(c); err == nil || pauses != 2 {
		t.Fatalf("%v after %d pauses", err, pauses)
	}
}

func TestContextEndsRetries(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	h := start(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		cancel()
		fail(w, 429, "rate_limited", "1")
	})
	if _, err := h.Agents(ctx); err == nil || h.calls.Load() != 1 {
		t.Fatalf("%v after %d calls", err, h.calls.Load())
	}
}

func TestAsyncAndWait(t *testing.T) {
	t.Parallel()
	h := start(t, func(n int, w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == "POST":
			if r.Header.Get("Prefer") != "respond-async" {
				t.Error("no Prefer")
			}
			w.WriteHeader(202)
			io.WriteString(w, `{"status":"accepted","job_id":"j1","location":"/jobs/j1"}`)
		case n < 4:
			io.WriteString(w, `{"job_id":"j1","status":"running","progress":0.5}`)
		default:
			io.WriteString(w, `{"job_id":"j1","status":"succeeded","progress":1,"result":{"model":"ets","forecast":[1,2]}}`)
		}
	})
	ctx := context.Background()
	job, err := h.Async(ctx, "/predict/revenue-lstm", &api.ForecastRequest{TimeSeries: api.Values{1, 2, 3}})
	if err != nil || job.JobID != "j1" {
		t.Fatalf("%+v %v", job, err)
	}
	var answer api.ForecastAnswer
	ended, err := h.Wait(ctx, job.JobID, &answer)
	if err != nil || ended.Progress != 1 || len(answer.Forecast) != 2 || len(h.pauses) != 2 {
		t.Fatalf("%+v %+v %v", ended, answer, err)
	}
}

func TestWaitForAFailedJob(t *testing.T) {
	t.Parallel()
	h := start(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"job_id":"j1","status":"failed","error":{"error":"too_few_points","message":"send more"}}`)
	})
	_, err := h.Wait(context.Background(), "j1", nil)
	var e *JobError
	if !errors.As(err, &e) || err.Error() != "job j1 failed: too_few_points: send more" {
		t.Fatal(err)
	}
}

// TestPaths sees that each method calls the path it names.
func TestPaths(t *testing.T) {
	t.Parallel()
	var got string
	h := start(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		got = r.Method + " " + r.URL.RequestURI()
		io.WriteString(w, `{"job_id":"j","status":"accepted"}`)
	})
	ctx := context.Background()
	for want, f := range map[string]func() error{
		"POST /predict/revenue-lstm":              func() error { _, err := h.Forecast(ctx, &api.ForecastRequest{}); return err },
		"POST /predict/revenue":                   func() error { _, err := h.Revenue(ctx, &api.RevenueRequest{}); return err },
		"POST /predict/backtest":                  func() error { _, err := h.Backtest(ctx, &api.BacktestRequest{}); return err },
		"POST /predict/churn":                     func() error { _, err := h.Churn(ctx, &api.ChurnRequest{}); return err },
		"POST /predict/churn/train":               func() error { _, err := h.TrainChurn(ctx, &api.ChurnTrainRequest{}); return err },
		"POST /recommend/products":                func() error { _, err := h.Recommend(ctx, &api.RecommendProductsRequest{}); return err },
		"POST /recommend/similar":                 func() error { _, err := h.Similar(ctx, &api.RecommendSimilarRequest{}); return err },
		"POST /recommend/items":                   func() error { _, err := h.PutItems(ctx, &api.RecommendItemsRequest{}); return err },
		"POST /recommend/items/delete":            func() error { _, err := h.DeleteItems(ctx, &api.RecommendDeleteRequest{}); return err },
		"POST /recommend/interactions":            func() error { _, err := h.AddInteractions(ctx, &api.RecommendInteractionsRequest{}); return err },
		"POST /recommend/train":                   func() error { _, err := h.TrainRecommender(ctx, &api.RecommendTrainRequest{}); return err },
		"POST /anomaly/detect":                    func() error { _, err := h.DetectAnomalies(ctx, &api.DetectRequest{}); return err },
		"POST /anomaly/isolation-forest":          func() error { _, err := h.IsolationForest(ctx, &api.IsolationForestRequest{}); return err },
		"POST /sentiment/analyze":                 func() error { _, err := h.Sentiment(ctx, &api.SentimentRequest{}); return err },
		"POST /swarm/coordinate":                  func() error { _, err := h.Coordinate(ctx, &api.SwarmRequest{}); return err },
		"POST /agents/register":                   func() error { _, err := h.RegisterAgent(ctx, &api.AgentRegisterRequest{}); return err },
		"POST /agents/observe":                    func() error { _, err := h.Observe(ctx, &api.AgentObserveRequest{}); return err },
		"GET /agents/status":                      func() error { _, err := h.Agents(ctx); return err },
		"POST /agi/process":                       func() error { _, err := h.Reason(ctx, &api.ReasonRequest{}); return err },
		"GET /agi/reasoning/history?limit=10":     func() error { _, err := h.ReasoningHistory(ctx, 10); return err },
		"GET /agi/execution/history":              func() error { _, err := h.ExecutionHistory(ctx, 0); return err },
		"POST /vectors/upsert":                    func() error { _, err := h.UpsertVectors(ctx, &api.VectorsUpsertRequest{}); return err },
		"POST /vectors/query":                     func() error { _, err := h.QueryVectors(ctx, &api.VectorsQueryRequest{}); return err },
		"POST /vectors/delete":                    func() error { _, err := h.DeleteVectors(ctx, &api.VectorsDeleteRequest{}); return err },
		"GET /models":                             func() error { _, err := h.Models(ctx); return err },
		"POST /models/train":                      func() error { _, err := h.TrainModel(ctx, &api.ModelTrainRequest{}); return err },
		"POST /models/a%2Fb/promote":              func() error { _, err := h.PromoteModel(ctx, "a/b", &api.ModelPromoteRequest{}); return err },
		"POST /models/churn/rollback":             func() error { _, err := h.RollbackModel(ctx, "churn"); return err },
		"GET /jobs/j%3F":                          func() error { _, err := h.Job(ctx, "j?"); return err },
		"GET /jobs?limit=5":                       func() error { _, err := h.Jobs(ctx, 5); return err },
		"DELETE /jobs/j":                          func() error { _, err := h.CancelJob(ctx, "j"); return err },
		"GET /health":                             func() error { _, err := h.Health(ctx); return err },
		"GET /metrics":                            func() error { _, err := h.Metrics(ctx); return err },
		"GET /usage?from=2026-01-01":              func() error { _, err := h.Usage(ctx, "2026-01-01", ""); return err },
		"GET /admin/tenants?cursor=a":             func() error { _, err := h.Tenants(ctx, "a"); return err },
		"GET /admin/tenants/a":                    func() error { _, err := h.Tenant(ctx, "a"); return err },
		"POST /admin/tenants":                     func() error { _, err := h.CreateTenant(ctx, &api.CreateTenantRequest{}); return err },
		"PATCH /admin/tenants/a":                  func() error { _, err := h.UpdateTenant(ctx, "a", &api.UpdateTenantRequest{}); return err },
		"GET /admin/keys?tenant=a":                func() error { _, err := h.Keys(ctx, "a", ""); return err },
		"POST /admin/keys":                        func() error { _, err := h.CreateKey(ctx, &api.CreateKeyRequest{}); return err },
		"POST /admin/keys/k/rotate":               func() error { _, err := h.RotateKey(ctx, "k", &api.RotateKeyRequest{}); return err },
		"DELETE /admin/keys/k":                    func() error { _, err := h.RevokeKey(ctx, "k"); return err },
		"GET /admin/usage?tenant=a&to=2026-01-31": func() error { _, err := h.UsageOf(ctx, "a", "", "2026-01-31"); return err },
		"GET /admin/usage":                        func() error { _, err := h.UsageByTenant(ctx, "", "", ""); return err },
		"GET /admin/workers":                      func() error { _, err := h.Workers(ctx); return err },
		"POST /admin/workers/native/drain":        func() error { _, err := h.DrainWorker(ctx, "native"); return err },
		"GET /admin/config":                       func() error { _, err := h.Config(ctx); return err },
		"POST /admin/config/reload":               func() error { _, err := h.ReloadConfig(ctx); return err },
	} {
		err := f()
		var accepted *AcceptedError
		if err != nil && !errors.As(err, &accepted) || got != want {
			t.Errorf("called %q, want %q (%v)", got, want, err)
		}
	}
}

func TestBadBasesAndKeys(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "127.0.0.1:8080", "ftp://x", "http://", "http://u:hunter2@x", "http://x?a=b", "http://x#y", "::"} {
		_, err := New(base, "k")
		if err == nil {
			t.Errorf("%q was accepted", base)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v holds a password", err)
		}
	}
	for _, key := range []string{"a b", "a\nb", strings.Repeat("x", 300), "schlüssel"} {
		if _, err := New("http://x", key); err == nil || strings.Contains(err.Error(), key) {
			t.Errorf("%q: %v", key, err)
		}
	}
	for _, o := range []Option{WithRetries(-1), WithRetries(1000), WithMaxResponse(0), WithRetryWait(-1), WithUserAgent("a\nb"), WithHTTPClient(nil)} {
		if _, err := New("http://x", "k", o); err == nil {
			t.Error("a bad option was accepted")
		}
	}
}

func TestRetryAfterForms(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "99999999999999999999": 0,
		"Fri, 02 Jan 2026 03:04:15 GMT": 10 * time.Second, "Fri, 02 Jan 2026 03:04:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
