package llm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Client speaks to one model. It is safe for concurrent use.
type Client struct {
	config Config
	http   *http.Client
	// wait sleeps, or returns the context's error.
	wait func(ctx context.Context, d time.Duration) error
	now  func() time.Time
}

// New makes a client.
func New(config Config) (*Client, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	config = config.WithDefaults()
	return &Client{
		config: config, wait: sleep, now: time.Now,
		http: &http.Client{
			Transport: config.Transport,
			// A redirect would carry the key to another host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Name returns the model's name.
func (c *Client) Name() string { return c.config.Model }

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

type wireRequest struct {
	Model          string    `json:"model"`
	Messages       []Message `json:"messages"`
	Tools          []Tool    `json:"tools,omitempty"`
	MaxTokens      int       `json:"max_tokens,omitempty"`
	ResponseFormat any       `json:"response_format,omitempty"`
}

type wireResponse struct {
	Model   string `json:"model"`
	Choices []struct {
		Message struct {
			Role      string     `json:"role"`
			Content   *string    `json:"content"`
			Refusal   *string    `json:"refusal"`
			ToolCalls []ToolCall `json:"tool_calls"`
		} `json:"message"`
		FinishReason string `json:"finish_reason"`
	} `json:"choices"`
	Usage Usage `json:"usage"`
}

// Chat asks for one completion. Failures are *Error.
func (c *Client) Chat(ctx context.Context, request *Request) (*Response, error) {
	wire := wireRequest{Model: c.config.Model, Messages: request.Messages, Tools: request.Tools, MaxTokens: request.MaxTokens}
	if request.Schema != nil {
		name := request.SchemaName
		if name == "" {
			name = "answer"
		}
		wire.ResponseFormat = map[string]any{"type": "json_schema", "json_schema": map[string]any{"name": name, "strict": true, "schema": request.Schema}}
	}
	body, err := json.Marshal(wire)
	if err != nil {
		return nil, fmt.Errorf("llm: writing the request: %w", err)
	}
	for attempt := 1; ; attempt++ {
		response, failure, again := c.once(ctx, body)
		if failure == nil {
			response.Attempts = attempt
			return response, nil
		}
		failure.Attempts = attempt
		if again < 0 || attempt >= c.config.MaxAttempts || again > c.config.MaxWait {
			return nil, failure
		}
		if again == 0 {
			again = min(c.config.MaxWait, 250*time.Millisecond<<(attempt-1))
		}
		if err := c.wait(ctx, again); err != nil {
			return nil, &Error{Kind: Timeout, Status: failure.Status, Attempts: attempt, Cause: err}
		}
	}
}

// once makes one attempt. again is the wait the server asks for before the
// next, 0 for a wait of the client's choice, -1 when no attempt would help.
func (c *Client) once(ctx context.Context, body []byte) (response *Response, failure *Error, again time.Duration) {
	attempt, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(attempt, http.MethodPost, strings.TrimRight(c.config.BaseURL, "/")+"/chat/completions", bytes.NewReader(body))
	if err != nil {
		return nil, &Error{Kind: Unreachable, Cause: err}, -1
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if c.config.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.config.Key)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return c.lost(ctx, attempt, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, c.config.MaxBytes+1))
	if err != nil {
		return c.lost(ctx, attempt, err)
	}
	if int64(len(raw)) > c.config.MaxBytes {
		return nil, &Error{Kind: TooLarge, Status: res.StatusCode}, -1
	}
	if res.StatusCode != http.StatusOK {
		return nil, c.refusal(res, raw), c.retryIn(res)
	}
	return read(raw)
}

// lost classifies a failure to get an answer. A slow model is not asked twice:
// it may still be working on the first request.
func (c *Client) lost(ctx, attempt context.Context, err error) (*Response, *Error, time.Duration) {
	if attempt.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
		return nil, &Error{Kind: Timeout, Cause: err}, -1
	}
	if ctx.Err() != nil {
		return nil, &Error{Kind: Timeout, Cause: context.Cause(ctx)}, -1
	}
	return nil, &Error{Kind: Unreachable, Cause: err}, 0
}

func (c *Client) refusal(res *http.Response, raw []byte) *Error {
	e := &Error{Kind: Refused, Status: res.StatusCode}
	switch {
	case res.StatusCode == http.StatusTooManyRequests:
		e.Kind = RateLimited
	case res.StatusCode >= 500:
		e.Kind = Broken
	case res.StatusCode < 400:
		e.Kind = Malformed
	}
	var body struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(raw, &body) == nil {
		e.Detail = body.Error.Message
	}
	if c.config.Key != "" {
		e.Detail = strings.ReplaceAll(e.Detail, c.config.Key, "***")
	}
	if len(e.Detail) > 300 {
		e.Detail = e.Detail[:300]
	}
	return e
}

// retryIn reads Retry-After in seconds or as a date.
func (c *Client) retryIn(res *http.Response) time.Duration {
	if res.StatusCode != http.StatusTooManyRequests && res.StatusCode < 500 || res.StatusCode == http.StatusNotImplemented {
		return -1
	}
	given := res.Header.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(given, 64); err == nil && seconds >= 0 && seconds < 1e6 {
		return time.Duration(seconds * float64(time.Second))
	}
	if at, err := http.ParseTime(given); err == nil {
		return max(0, at.Sub(c.now()))
	}
	return 0
}

func read(raw []byte) (*Response, *Error, time.Duration) {
	var wire wireResponse
	if err := json.Unmarshal(raw, &wire); err != nil {
		return nil, &Error{Kind: Malformed, Status: http.StatusOK, Cause: err}, -1
	}
	if len(wire.Choices) == 0 {
		return nil, &Error{Kind: Malformed, Status: http.StatusOK, Detail: "no choices"}, -1
	}
	choice := wire.Choices[0]
	out := &Response{FinishReason: choice.FinishReason, Usage: wire.Usage, Model: wire.Model}
	out.Message = Message{Role: RoleAssistant, ToolCalls: choice.Message.ToolCalls}
	if choice.Message.Content != nil {
		out.Message.Content = *choice.Message.Content
	}
	if choice.Message.Refusal != nil && out.Message.Content == "" {
		out.Message.Content = *choice.Message.Refusal
	}
	return out, nil, 0
}
