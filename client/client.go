package client

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	defaultRetries  = 3
	defaultMaxBytes = 64 << 20
	defaultMaxWait  = time.Minute
	maxKeyLength    = 256
)

// Client calls one gateway with one key. It is safe for concurrent use.
type Client struct {
	base     *url.URL
	key      string
	http     *http.Client
	agent    string
	retries  int
	maxBytes int64
	maxWait  time.Duration
	sleep    sleepFunc
	jitter   func() float64
}

// Option changes how a Client works.
type Option func(*Client) error

// WithHTTPClient uses h instead of a client of its own, for instance to go
// through a proxy. Redirects are never followed: the key must not travel.
func WithHTTPClient(h *http.Client) Option {
	return func(c *Client) error {
		if h == nil {
			return errors.New("client: WithHTTPClient(nil)")
		}
		own := *h
		c.http = &own
		return nil
	}
}

// WithRetries sets how many times a call is tried again; default 3, 0 for
// never.
func WithRetries(n int) Option {
	return func(c *Client) error {
		if n < 0 || n > 100 {
			return fmt.Errorf("client: %d retries; want 0 to 100", n)
		}
		c.retries = n
		return nil
	}
}

// WithRetryWait bounds the pause before one retry; default 1 min. A
// Retry-After beyond it ends the retries and is left to the caller, in
// Error.RetryAfter.
func WithRetryWait(most time.Duration) Option {
	return func(c *Client) error {
		if most < 0 {
			return fmt.Errorf("client: a retry wait of %v", most)
		}
		c.maxWait = most
		return nil
	}
}

// WithMaxResponse bounds the size of an answer in bytes; default 64 MiB.
func WithMaxResponse(bytes int64) Option {
	return func(c *Client) error {
		if bytes < 1 || bytes == math.MaxInt64 {
			return fmt.Errorf("client: an answer of at most %d bytes", bytes)
		}
		c.maxBytes = bytes
		return nil
	}
}

// WithUserAgent names the program in the gateway's log; default "omni-go".
func WithUserAgent(name string) Option {
	return func(c *Client) error {
		if strings.ContainsAny(name, "\r\n") {
			return errors.New("client: a line break in the user agent")
		}
		c.agent = name
		return nil
	}
}

// New returns a client of the gateway at baseURL, such as
// "http://127.0.0.1:8080". The key may be empty for the public paths.
func New(baseURL, key string, options ...Option) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(strings.TrimSpace(baseURL), "/"))
	if err != nil {
		return nil, fmt.Errorf("client: %q is not a URL", baseURL)
	}
	if (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" || base.RawQuery != "" || base.Fragment != "" || base.User != nil {
		return nil, fmt.Errorf("client: %q is not the base of a gateway; want something like http://127.0.0.1:8080", base.Redacted())
	}
	if err := validKey(key); err != nil {
		return nil, err
	}
	c := &Client{
		base: base, key: key, agent: "omni-go", retries: defaultRetries, maxBytes: defaultMaxBytes, maxWait: defaultMaxWait,
		sleep: sleep, jitter: mathrand.Float64,
	}
	for _, o := range options {
		if err := o(c); err != nil {
			return nil, err
		}
	}
	if c.http == nil {
		c.http = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// validKey never repeats the key in its error.
func validKey(key string) error {
	if len(key) > maxKeyLength {
		return fmt.Errorf("client: the key has more than %d characters", maxKeyLength)
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return errors.New("client: the key holds a space, a line break or something else that no key holds")
		}
	}
	return nil
}

// NewIdempotencyKey returns a fresh random key for [WithIdempotencyKey].
func NewIdempotencyKey() string { return rand.Text() }

// URL returns the base the client calls.
func (c *Client) URL() string { return c.base.String() }

// CloseIdleConnections ends connections that are kept for reuse.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }
