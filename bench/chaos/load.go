package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/omni-run/omni/bench/fleet"
)

// question is a call whose answer is known.
type question struct {
	path string
	body []byte
	want map[string]any
}

// load sends questions of all tenants and judges the answers.
type load struct {
	platform  *platform
	options   options
	questions [][]question // by tenant
	sent      atomic.Int64
	answered  []atomic.Int64 // by tenant
	wrong     atomic.Int64

	mu        sync.Mutex
	failures  map[string]int
	examples  []string
	latencies []time.Duration
}

// newLoad asks a quiet worker every question once.
func newLoad(ctx context.Context, f *platform, o options) (*load, error) {
	l := &load{platform: f, options: o, answered: make([]atomic.Int64, len(f.tenants)), failures: map[string]int{}}
	if err := f.workers[0].Answers(ctx, "/internal/health"); err != nil {
		return nil, err
	}
	for i, t := range f.tenants {
		qs := ask(i)
		for k := range qs {
			want, err := l.direct(ctx, t, &qs[k])
			if err != nil {
				return nil, err
			}
			qs[k].want = want
		}
		l.questions = append(l.questions, qs)
	}
	return l, nil
}

// ask makes one tenant's questions: no two tenants' are alike.
func ask(n int) []question {
	series := make([]float64, 48)
	for i := range series {
		series[i] = math.Round(100*(float64(n)+10*math.Sin(float64(i+n)/4))) / 100
	}
	series[30+n%10] += 100
	rows := make([][2]int, 24)
	for i := range rows {
		rows[i] = [2]int{i*i%7 + n, i * n % 11}
	}
	return []question{
		{path: "/anomaly/detect", body: encode(map[string]any{"series": series})},
		{path: "/anomaly/isolation-forest", body: encode(map[string]any{"data": rows, "trees": 10, "seed": n})},
		{path: "/sentiment/analyze", body: encode(map[string]any{"text": fmt.Sprintf("Tenant %d loves the fast answers but hates the %d-page form.", n, n)})},
	}
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // numbers and strings
	}
	return b
}

func (l *load) direct(ctx context.Context, t fleet.Tenant, q *question) (map[string]any, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+l.platform.workers[0].Address+"/internal"+q.path, bytes.NewReader(q.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Omni-Worker-Token", workerToken)
	req.Header.Set("X-Tenant-Id", t.ID)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s directly: status %d %w: %s", q.path, res.StatusCode, err, raw)
	}
	return comparable(raw)
}

// comparable decodes an answer without what differs from call to call.
func comparable(raw []byte) (map[string]any, error) {
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	delete(m, "request_id")
	return m, nil
}

// run sends everything and returns when all is answered or ctx ends.
func (l *load) run(ctx context.Context) {
	var wg sync.WaitGroup
	for c := range l.options.clients {
		wg.Go(func() { l.client(ctx, c) })
	}
	wg.Wait()
}

func (l *load) client(ctx context.Context, c int) {
	transport := &http.Transport{MaxIdleConnsPerHost: 1, DisableCompression: true}
	defer transport.CloseIdleConnections()
	h := &http.Client{Transport: transport, Timeout: fleet.Patience}
	url := "http://" + l.platform.balancer.listener.Addr().String()
	var took []time.Duration
	for ctx.Err() == nil {
		n := int(l.sent.Add(1)) - 1
		if n >= l.options.requests {
			break
		}
		t := (n + c) % len(l.platform.tenants)
		q := &l.questions[t][n/len(l.platform.tenants)%len(l.questions[t])]
		begun := time.Now()
		l.call(ctx, h, url, t, q)
		took = append(took, time.Since(begun))
	}
	l.mu.Lock()
	l.latencies = append(l.latencies, took...)
	l.mu.Unlock()
}

func (l *load) call(ctx context.Context, h *http.Client, url string, t int, q *question) {
	id := l.platform.tenants[t]
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+q.path, bytes.NewReader(q.body))
	if err != nil {
		l.fail("request", err.Error())
		return
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Api-Key", id.Key)
	req.Header.Set("Cache-Control", "no-store") // every call is to reach a worker
	res, err := h.Do(req)
	if err != nil {
		l.fail("no answer", err.Error())
		return
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		l.fail("half an answer", err.Error())
		return
	}
	l.answered[t].Add(1)
	if res.StatusCode != http.StatusOK {
		l.fail(fmt.Sprint("status ", res.StatusCode), string(raw))
		return
	}
	got, err := comparable(raw)
	if err != nil || !reflect.DeepEqual(got, q.want) || got["tenant_id"] != id.ID {
		l.wrong.Add(1)
		l.fail("wrong answer", string(raw))
	}
}

// fail notes a failure, the first few in full.
func (l *load) fail(kind, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures[kind]++
	if len(l.examples) < 10 {
		l.examples = append(l.examples, kind+": "+text[:min(len(text), 300)])
	}
}

// failed is how many calls failed, and how.
func (l *load) failed() (n int, kinds []string) {
	for _, k := range slices.Sorted(maps.Keys(l.failures)) {
		n += l.failures[k]
		kinds = append(kinds, fmt.Sprintf("%s: %d", k, l.failures[k]))
	}
	return n, kinds
}
