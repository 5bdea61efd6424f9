package upstream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
)

// transport is the client for everything that is not plain HTTP/1.1.
type transport struct {
	base    *url.URL
	options Options
	rt      *http.Transport
}

var _ Client = (*transport)(nil)

func newTransport(base *url.URL, options Options) *transport {
	return &transport{base: base, options: options, rt: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, options.DialTimeout)
			defer cancel()
			return options.Dial(ctx, network, address)
		},
		TLSClientConfig:        options.TLS,
		TLSHandshakeTimeout:    options.DialTimeout,
		ResponseHeaderTimeout:  options.HeaderTimeout,
		MaxIdleConnsPerHost:    options.MaxIdle,
		MaxIdleConns:           options.MaxIdle,
		IdleConnTimeout:        options.IdleTimeout,
		MaxResponseHeaderBytes: int64(options.MaxHeaderBytes),
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}}
}

func (t *transport) Tidy()  {}
func (t *transport) Close() { t.rt.CloseIdleConnections() }

// Do implements Client.
func (t *transport) Do(ctx context.Context, req *Request) (*Response, error) {
	if err := req.check(); err != nil {
		return nil, &Error{Stage: StageRequest, Err: err}
	}
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	cancel := context.CancelFunc(func() {})
	if !req.Deadline.IsZero() {
		ctx, cancel = context.WithDeadline(ctx, req.Deadline)
	}
	out, err := t.request(ctx, req)
	if err != nil {
		cancel()
		return nil, &Error{Stage: StageRequest, Err: err}
	}
	resp, err := t.rt.RoundTrip(out) //nolint:bodyclose // the caller closes Response.Body
	if err != nil {
		cancel()
		stage := StageDial
		if connected.Load() {
			stage = StageHead
		}
		return nil, &Error{Stage: stage, Sent: connected.Load(), Err: cause(ctx, err)}
	}
	stripHops(resp.Header)
	return &Response{
		Status: resp.StatusCode, Header: resp.Header, Length: resp.ContentLength,
		Body: &transportBody{ReadCloser: resp.Body, ctx: ctx, cancel: cancel},
	}, nil
}

func (t *transport) request(ctx context.Context, req *Request) (*http.Request, error) {
	target := *t.base
	target.Path, target.RawQuery = "", req.RawQuery
	parsed, err := url.ParseRequestURI(req.Path)
	if err != nil {
		return nil, err
	}
	target.Path, target.RawPath = parsed.Path, parsed.RawPath
	out := &http.Request{
		Method: req.Method, URL: &target, Host: target.Host, Header: http.Header{},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	for name, values := range req.Header {
		if !ownField(name) {
			out.Header[name] = values
		}
	}
	for _, list := range [...][]Field{req.Fields, req.Extra} {
		for _, f := range list {
			out.Header[f.Name] = []string{f.Value}
		}
	}
	if _, ok := out.Header["User-Agent"]; !ok {
		out.Header["User-Agent"] = nil // none, rather than Go's own
	}
	if len(req.Body) > 0 {
		// GetBody stays nil: with it, http.Transport would by itself replay a
		// POST that bears an Idempotency-Key.
		out.Body = io.NopCloser(bytes.NewReader(req.Body))
		out.ContentLength = int64(len(req.Body))
	}
	return out.WithContext(ctx), nil
}

// transportBody gives body errors their stage and ends the call's context.
type transportBody struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelFunc
}

func (b *transportBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &Error{Stage: StageBody, Sent: true, Err: cause(b.ctx, err)}
	}
	return n, err
}

func (b *transportBody) Close() error {
	b.cancel()
	return b.ReadCloser.Close()
}
