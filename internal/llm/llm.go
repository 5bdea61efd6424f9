// Package llm speaks the OpenAI chat completions protocol, which OpenAI, vLLM,
// Ollama, llama.cpp and most gateways serve: messages, function tools, answers
// bound to a JSON schema, token usage. It retries what may be retried (429 and
// 5xx, honouring Retry-After), bounds every answer in time and bytes, and never
// puts the key into an error.
package llm

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Roles of a message.
const (
	RoleSystem    = "system"
	RoleUser      = "user"
	RoleAssistant = "assistant"
	RoleTool      = "tool"
)

// Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
	// ToolCalls are what an assistant wants done.
	ToolCalls []ToolCall `json:"tool_calls,omitempty"`
	// ToolCallID says, on a tool's message, which call it answers.
	ToolCallID string `json:"tool_call_id,omitempty"`
}

// ToolCall is a function the model wants called. Arguments is JSON text as the
// model wrote it, which may be malformed.
type ToolCall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

// Tool is a function offered to the model; Parameters is its JSON schema.
type Tool struct {
	Name        string
	Description string
	Parameters  any
}

// MarshalJSON writes the wire form.
func (t Tool) MarshalJSON() ([]byte, error) {
	function := map[string]any{"name": t.Name, "description": t.Description, "parameters": t.Parameters}
	return json.Marshal(map[string]any{"type": "function", "function": function})
}

// Request is one completion asked for.
type Request struct {
	Messages []Message
	Tools    []Tool
	// MaxTokens bounds the answer; 0 leaves it to the server.
	MaxTokens int
	// Schema, when set, binds the answer to a JSON schema.
	Schema any
	// SchemaName names the schema; empty means "answer".
	SchemaName string
}

// Usage counts tokens.
type Usage struct {
	InputTokens  int `json:"prompt_tokens"`
	OutputTokens int `json:"completion_tokens"`
}

// Response is one completion.
type Response struct {
	Message Message
	// FinishReason is stop, length, tool_calls or content_filter.
	FinishReason string
	Usage        Usage
	Model        string
	// Attempts counts the requests it took.
	Attempts int
}

// Config says which model to speak to and how.
type Config struct {
	// BaseURL ends before /chat/completions, such as https://api.openai.com/v1.
	BaseURL string
	Key     string
	Model   string
	// Timeout bounds one attempt; 0 means 60 s.
	Timeout time.Duration
	// MaxAttempts bounds attempts; 0 means 3.
	MaxAttempts int
	// MaxWait bounds one wait between attempts, a longer Retry-After ends the
	// attempts; 0 means 10 s.
	MaxWait time.Duration
	// MaxBytes bounds an answer's body; 0 means 4 MiB.
	MaxBytes int64
	// Transport is used for requests; nil means http.DefaultTransport.
	Transport http.RoundTripper
}

// WithDefaults returns a copy with the zero fields filled in.
func (c Config) WithDefaults() Config {
	if c.Timeout <= 0 {
		c.Timeout = 60 * time.Second
	}
	if c.MaxAttempts <= 0 {
		c.MaxAttempts = 3
	}
	if c.MaxWait <= 0 {
		c.MaxWait = 10 * time.Second
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = 4 << 20
	}
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	return c
}

func (c Config) validate() error {
	u, err := url.Parse(c.BaseURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return errors.New("llm: base URL must be an http or https address")
	}
	if strings.TrimSpace(c.Model) == "" {
		return errors.New("llm: no model is named")
	}
	return nil
}

// Kind classifies a failure.
type Kind string

// Kinds of failures.
const (
	Timeout     Kind = "timeout"      // no answer in time
	Unreachable Kind = "unreachable"  // no connection
	RateLimited Kind = "rate_limited" // 429 to the end
	Refused     Kind = "refused"      // 4xx: key, model or request
	Broken      Kind = "broken"       // 5xx to the end
	TooLarge    Kind = "too_large"    // more bytes than allowed
	Malformed   Kind = "malformed"    // not the protocol
)

// Error is a failed completion.
type Error struct {
	Kind Kind
	// Status is the HTTP status, 0 without an answer.
	Status   int
	Attempts int
	// Detail is the server's message, shortened; for logs.
	Detail string
	Cause  error
}

// Error implements error.
func (e *Error) Error() string {
	text := fmt.Sprintf("llm: %s (status %d, %d attempts)", e.Kind, e.Status, e.Attempts)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }
