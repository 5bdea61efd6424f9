package llm_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/llm"
)

const fine = `{"model":"m-2","choices":[{"message":{"role":"assistant","content":"42"},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":3}}`

type reply struct {
	status int
	header map[string]string
	body   string
}

// serve answers with the replies in turn, then the last again.
func serve(t *testing.T, change func(*llm.Config), replies ...reply) (*llm.Client, *atomic.Int64) {
	t.Helper()
	var n atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer sk-secret" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		a := replies[min(int(n.Add(1)), len(replies))-1]
		for k, v := range a.header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	}))
	t.Cleanup(server.Close)
	config := llm.Config{BaseURL: server.URL + "/v1/", Key: "sk-secret", Model: "m", MaxWait: time.Second}
	if change != nil {
		change(&config)
	}
	c, err := llm.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return c, &n
}

var hello = &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "hello"}}}

func TestChat(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		replies []reply
		change  func(*llm.Config)
		kind    llm.Kind
		calls   int64
	}{
		"fine":            {replies: []reply{{200, nil, fine}}, calls: 1},
		"429 then fine":   {replies: []reply{{429, map[string]string{"Retry-After": "0.01"}, `{}`}, {200, nil, fine}}, calls: 2},
		"503 then fine":   {replies: []reply{{503, map[string]string{"Retry-After": "0.01"}, `oops`}, {200, nil, fine}}, calls: 2},
		"429 to the end":  {replies: []reply{{429, map[string]string{"Retry-After": "0.01"}, `{}`}}, kind: llm.RateLimited, calls: 3},
		"wait too long":   {replies: []reply{{429, map[string]string{"Retry-After": "3600"}, `{}`}}, kind: llm.RateLimited, calls: 1},
		"date too far":    {replies: []reply{{503, map[string]string{"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"}, `{}`}}, kind: llm.Broken, calls: 1},
		"500 to the end":  {replies: []reply{{500, map[string]string{"Retry-After": "0.01"}, ``}}, kind: llm.Broken, calls: 3},
		"bad key":         {replies: []reply{{401, nil, `{"error":{"message":"bad key sk-secret"}}`}}, kind: llm.Refused, calls: 1},
		"redirect":        {replies: []reply{{302, map[string]string{"Location": "http://127.0.0.1:1/"}, ``}}, kind: llm.Malformed, calls: 1},
		"not JSON":        {replies: []reply{{200, nil, `<html>`}}, kind: llm.Malformed, calls: 1},
		"no choices":      {replies: []reply{{200, nil, `{"choices":[]}`}}, kind: llm.Malformed, calls: 1},
		"huge":            {replies: []reply{{200, nil, fine + strings.Repeat(" ", 2000)}}, change: func(c *llm.Config) { c.MaxBytes = 1000 }, kind: llm.TooLarge, calls: 1},
		"content is null": {replies: []reply{{200, nil, `{"choices":[{"message":{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{"}}]}}]}`}}, calls: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, calls := serve(t, c.change, c.replies...)
			response, err := client.Chat(t.Context(), hello)
			if calls.Load() != c.calls {
				t.Errorf("%d calls, want %d", calls.Load(), c.calls)
			}
			if c.kind == "" {
				if err != nil || response.Attempts != int(c.calls) {
					t.Fatalf("%+v %v", response, err)
				}
				return
			}
			var failed *llm.Error
			if !errors.As(err, &failed) || failed.Kind != c.kind {
				t.Fatalf("got %v, want %s", err, c.kind)
			}
			if strings.Contains(err.Error(), "sk-secret") {
				t.Fatal("the key is in the error")
			}
		})
	}
}

func TestChatReadsAnswerAndUsage(t *testing.T) {
	t.Parallel()
	client, _ := serve(t, nil, reply{200, nil, fine})
	r, err := client.Chat(t.Context(), hello)
	if err != nil {
		t.Fatal(err)
	}
	if r.Message.Content != "42" || r.Usage != (llm.Usage{InputTokens: 11, OutputTokens: 3}) || r.Model != "m-2" || r.FinishReason != "stop" {
		t.Fatalf("%+v", r)
	}
}

func TestSlowAnswerIsATimeoutAndNotAskedTwice(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, `{"choi`)
		w.(http.Flusher).Flush()
		<-release
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	client, err := llm.New(llm.Config{BaseURL: server.URL, Model: "m", Timeout: 30 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Chat(t.Context(), hello)
	var failed *llm.Error
	if !errors.As(err, &failed) || failed.Kind != llm.Timeout || calls.Load() != 1 {
		t.Fatalf("%v after %d calls", err, calls.Load())
	}
}

func TestCancelEndsTheWait(t *testing.T) {
	t.Parallel()
	client, _ := serve(t, func(c *llm.Config) { c.MaxWait = time.Hour }, reply{429, map[string]string{"Retry-After": "600"}, `{}`})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	var failed *llm.Error
	if _, err := client.Chat(ctx, hello); !errors.As(err, &failed) || failed.Kind != llm.Timeout {
		t.Fatalf("got %v", err)
	}
}

func TestRequestOnTheWire(t *testing.T) {
	t.Parallel()
	var got map[string]any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&got)
		_, _ = io.WriteString(w, fine)
	}))
	t.Cleanup(server.Close)
	client, err := llm.New(llm.Config{BaseURL: server.URL, Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	request := &llm.Request{
		Messages:  []llm.Message{{Role: llm.RoleTool, ToolCallID: "c1", Content: "{}"}},
		Tools:     []llm.Tool{{Name: "f", Description: "d", Parameters: map[string]any{"type": "object"}}},
		MaxTokens: 9, Schema: map[string]any{"type": "object"},
	}
	if _, err := client.Chat(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(got)
	for _, want := range []string{`"tool_call_id":"c1"`, `"type":"function"`, `"name":"f"`, `"max_tokens":9`, `"type":"json_schema"`, `"strict":true`, `"model":"m"`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("%s lacks %s", raw, want)
		}
	}
}

func TestNewRefusesBadConfig(t *testing.T) {
	t.Parallel()
	for _, c := range []llm.Config{{}, {BaseURL: "ftp://x", Model: "m"}, {BaseURL: "http://x"}, {BaseURL: "/v1", Model: "m"}} {
		if _, err := llm.New(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
