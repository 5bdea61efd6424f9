package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"
)

// gatewayStarts measures how soon a gateway answers, with a new data folder
// and with one that was used before, and what it holds when idle.
func (b *bench) gatewayStarts(ctx context.Context) ([]bar, error) {
	var fresh, again []time.Duration
	var idle int64
	for range 20 {
		data, err := b.folder()
		if err != nil {
			return nil, err
		}
		for _, times := range []*[]time.Duration{&fresh, &again} {
			p, err := b.launch(ctx, "omni-gateway", data)
			if err != nil {
				return nil, err
			}
			took, err := p.until(ctx, "/health", isOK)
			if err != nil {
				return nil, err
			}
			*times = append(*times, took)
			if len(again) == 20 {
				time.Sleep(3 * time.Second) // until what runs in the background has run once
				if idle, err = p.resident(); err != nil {
					return nil, err
				}
			}
			if err := p.end(); err != nil {
				return nil, err
			}
		}
	}
	freshMedian, freshSpread := middle(fresh)
	againMedian, againSpread := middle(again)
	return []bar{
		{"gateway: exec to first 200 on /health, new data folder", "≤ 50 ms", freshMedian, freshSpread},
		{"gateway: exec to first 200 on /health, used data folder", "≤ 50 ms", againMedian, againSpread},
		{"gateway: resident memory, idle", "≤ 40 MB", megabytes(idle), ""},
	}, nil
}

// workerStarts measures how soon all services of a worker are ready.
func (b *bench) workerStarts(ctx context.Context) ([]bar, error) {
	var times []time.Duration
	var idle int64
	for range 10 {
		data, err := b.folder()
		if err != nil {
			return nil, err
		}
		p, err := b.launch(ctx, "omni-worker", data)
		if err != nil {
			return nil, err
		}
		took, err := p.until(ctx, "/internal/health", allReady)
		if err != nil {
			return nil, err
		}
		times = append(times, took)
		if idle, err = p.resident(); err != nil {
			return nil, err
		}
		if err := p.end(); err != nil {
			return nil, err
		}
	}
	median, spread := middle(times)
	return []bar{
		{"worker: exec to services_ready", "≤ 1 s", median, spread},
		{"worker: resident memory, all services ready", "≤ 400 MB", megabytes(idle), ""},
	}, nil
}

const example = `{"time_series":[100,110,105,120,130,125,140,150,145,160,170,165,180,190,185,200],"forecast_steps":5,"sequence_length":10,"epochs":50,"mode":"local","seed":0}`

// capabilities is one call of each.
var capabilities = []struct{ path, body string }{
	{"/predict/revenue-lstm", example},
	{"/predict/revenue", `{"historical_data":[{"date":"2025-01-01","revenue":100},{"date":"2025-01-02","revenue":120},{"date":"2025-01-03","revenue":110},{"date":"2025-01-04","revenue":130},{"date":"2025-01-05","revenue":125},{"date":"2025-01-06","revenue":140},{"date":"2025-01-07","revenue":135},{"date":"2025-01-08","revenue":150},{"date":"2025-01-09","revenue":145},{"date":"2025-01-10","revenue":160}],"forecast_days":7}`},
	{"/predict/churn", `{"user_id":"u","context":{"days_since_last_login":20,"total_purchases":3}}`},
	{"/recommend/items", `{"items":[{"item_id":"a","title":"blue shoes"},{"item_id":"b","title":"red shoes"}]}`},
	{"/recommend/products", `{"user_id":"u","context":{"query":"shoes"},"limit":2}`},
	{"/anomaly/detect", `{"series":[1,2,1,2,1,2,1,2,1,2,50,2,1,2,1,2]}`},
	{"/anomaly/isolation-forest", `{"data":[{"x":1,"y":2},{"x":1.1,"y":2.1},{"x":0.9,"y":1.9},{"x":1,"y":2.2},{"x":9,"y":9}],"contamination":0.2}`},
	{"/sentiment/analyze", `{"text":"The delivery was quick and the shoes are lovely."}`},
	{"/swarm/coordinate", `{"goal":"ship","context":{"tasks":[{"id":"a","priority":1,"duration":2},{"id":"b","priority":2,"duration":3,"depends_on":["a"]}],"workers":2},"time_limit_ms":200}`},
	{"/agents/register", `{"agent_id":"m","role":"monitor","capabilities":["watch"]}`},
	{"/agents/observe", `{"observation":{"latency_ms":[10,11,10,12,11,10,11,400]}}`},
	{"/agi/process", `{"problem":"forecast the revenue","context":{"revenue":[10,12,11,14,15,14,17,18,17,20,21,20]},"reasoning_method":"react"}`},
	{"/vectors/upsert", `{"items":[{"id":"a","text":"blue shoes"}]}`},
	{"/vectors/query", `{"text":"footwear"}`},
}

// together measures the example forecast through a gateway, and a worker's
// memory once it has answered everything.
func (b *bench) together(ctx context.Context) ([]bar, error) {
	data, err := b.folder()
	if err != nil {
		return nil, err
	}
	w, err := b.launch(ctx, "omni-worker", data)
	if err != nil {
		return nil, err
	}
	if _, err := w.until(ctx, "/internal/health", allReady); err != nil {
		return nil, err
	}
	g, err := b.launch(ctx, "omni-gateway", data, "OMNI_WORKER_URL="+w.url)
	if err != nil {
		return nil, err
	}
	if _, err := g.until(ctx, "/health", isOK); err != nil {
		return nil, err
	}
	for _, c := range capabilities {
		status, answer, err := request(ctx, http.MethodPost, g.url+c.path, []byte(c.body))
		if err != nil || status != http.StatusOK {
			return nil, fmt.Errorf("%s: %d %s: %w", c.path, status, answer, err)
		}
	}
	all, err := w.resident()
	if err != nil {
		return nil, err
	}
	var times []time.Duration
	for range 50 {
		begun := time.Now()
		if status, answer, err := request(ctx, http.MethodPost, g.url+"/predict/revenue-lstm", []byte(example)); err != nil || status != http.StatusOK {
			return nil, fmt.Errorf("the example: %d %s: %w", status, answer, err)
		}
		times = append(times, time.Since(begun))
	}
	median, spread := middle(times)
	gateway, err := g.resident()
	if err != nil {
		return nil, err
	}
	for _, p := range []*process{g, w} {
		if err := p.end(); err != nil {
			fmt.Fprintln(os.Stderr, "bars:", err)
		}
	}
	return []bar{
		{"worker: resident memory after one call of each capability", "≤ 400 MB", megabytes(all), ""},
		{"revenue-lstm `local`, 16 points, sequence 10, 50 epochs, through the gateway", "≤ 100 ms", median, spread},
		{"gateway: resident memory after those calls", "", megabytes(gateway), ""},
	}, nil
}
