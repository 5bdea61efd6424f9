package edge

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/http1"
	"github.com/omni-run/omni/internal/observe"
)

// server is what serves connections.
type server interface {
	Serve(ln net.Listener) error
	Shutdown(ctx context.Context) error
	Close() error
}

// server makes the configured server. Requests' contexts stem from base.
func (d *Door) server(base context.Context) server {
	l := d.cfg.Limits
	std := &http.Server{
		Handler:           d,
		ReadHeaderTimeout: l.HeaderTimeout.D(),
		IdleTimeout:       l.IdleTimeout.D(),
		MaxHeaderBytes:    l.MaxHeader,
		ErrorLog:          slog.NewLogLogger(d.log.Handler(), slog.LevelDebug),
		Protocols:         new(http.Protocols),
		ConnContext:       withConn,
		BaseContext:       func(net.Listener) context.Context { return base },

		DisableGeneralOptionsHandler: true,
	}
	// HTTP/2 without TLS by prior knowledge is what Cloud Run speaks to a
	// container; the Upgrade: h2c form is not offered.
	std.Protocols.SetHTTP1(true)
	std.Protocols.SetUnencryptedHTTP2(true)
	if d.cfg.Server == config.ServerNetHTTP {
		return strictServer{std}
	}
	handed := &handedOver{conns: make(chan net.Conn), ended: make(chan struct{})}
	return &pair{std: strictServer{std}, handed: handed, own: &http1.Server{
		Handler: d, Base: base, Refuse: d.refuse, Handover: handed.give, Log: d.log,
		HeadTimeout: l.HeaderTimeout.D(), BodyTimeout: l.BodyTimeout.D(), IdleTimeout: l.IdleTimeout.D(), MaxHead: l.MaxHeader,
	}}
}

// strictServer is net/http's server, reading along.
type strictServer struct{ *http.Server }

// Serve implements server.
func (s strictServer) Serve(ln net.Listener) error { return s.Server.Serve(strictListener{ln}) }

// pair is our own server for HTTP/1.1 with net/http's for HTTP/2 behind it.
type pair struct {
	own    *http1.Server
	std    strictServer
	handed *handedOver
}

// Serve implements server.
func (p *pair) Serve(ln net.Listener) error {
	behind := make(chan error, 1)
	p.handed.address = ln.Addr()
	go func() { behind <- p.std.Serve(p.handed) }()
	err := p.own.Serve(ln)
	if !errors.Is(err, http.ErrServerClosed) {
		err = errors.Join(err, p.std.Close())
	}
	<-behind // ended by Shutdown or Close, as this one was
	return err
}

// Shutdown implements server.
func (p *pair) Shutdown(ctx context.Context) error {
	std := make(chan error, 1)
	go func() { std <- p.std.Shutdown(ctx) }()
	err := p.own.Shutdown(ctx) // at once: it is the one that accepts
	return errors.Join(err, <-std)
}

// Close implements server.
func (p *pair) Close() error { return errors.Join(p.own.Close(), p.std.Close()) }

// handedOver is a listener for connections that were accepted elsewhere.
type handedOver struct {
	address net.Addr
	conns   chan net.Conn
	once    sync.Once
	ended   chan struct{}
}

func (h *handedOver) give(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.ended:
		_ = c.Close()
	}
}

// Accept implements net.Listener.
func (h *handedOver) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.ended:
		return nil, net.ErrClosed
	}
}

// Addr implements net.Listener.
func (h *handedOver) Addr() net.Addr { return h.address }

// Close implements net.Listener.
func (h *handedOver) Close() error {
	h.once.Do(func() { close(h.ended) })
	return nil
}

// refuse answers what is no request, in the shape of every other refusal, and
// counts it.
func (d *Door) refuse(f *http1.FaultError, h http.Header) []byte {
	e := faultError(f)
	id := observe.NewRequestID()
	h[keyRequestID] = []string{id}
	h["X-Content-Type-Options"], h["Cache-Control"] = nosniff, noStore
	body, err := json.Marshal(e.Body(id))
	if err != nil {
		return nil // an ErrorBody always marshals
	}
	body = append(body, '\n')
	h["Content-Type"], h["Content-Length"] = []string{"application/json"}, []string{strconv.Itoa(len(body))}
	if g := d.inside.Load(); g != nil {
		g.metrics.series("unmatched", "OTHER", strconv.Itoa(e.HTTP)).requests.Inc()
		g.metrics.errors.WithLabelValues("unmatched", e.Code, strconv.Itoa(e.HTTP)).Inc()
	}
	d.log.Debug("a connection sent no request", "request_id", id, "error", e.Code, "reason", f.Why)
	return body
}

// faultError gives a fault its code. What it says is http1's, in words of ours.
func faultError(f *http1.FaultError) *api.Error {
	switch f.Kind {
	case http1.BadFraming:
		return api.BadRequest("bad_framing", "it is not clear where the body ends: %s", f.Why)
	case http1.TooLarge:
		return api.NewError(http.StatusRequestHeaderFieldsTooLarge, "header_too_large", "the headers are too many or too large: %s", f.Why)
	case http1.BadVersion:
		return api.NewError(http.StatusHTTPVersionNotSupported, "unsupported_http_version", "%s", f.Why)
	case http1.BadCoding:
		return api.NewError(http.StatusNotImplemented, "unsupported_transfer_coding", "%s", f.Why)
	case http1.BadExpectation:
		return api.NewError(http.StatusExpectationFailed, "unsupported_expectation", "%s", f.Why)
	default:
		return api.BadRequest("malformed_request", "this is not a valid HTTP/1.1 request: %s", f.Why)
	}
}
