package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Serve answers on the listener until ctx ends, then drains: health says
// draining, new calls are refused, those in flight get grace to finish.
func (s *Shell) Serve(ctx context.Context, ln net.Listener, grace time.Duration) error {
	srv := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.opt.Log.Handler(), slog.LevelWarn),
	}
	serve := srv.Serve
	if s.opt.TLS != nil {
		srv.TLSConfig = s.opt.TLS
		serve = func(ln net.Listener) error { return srv.ServeTLS(ln, "", "") }
	}
	failed := make(chan error, 1)
	go func() { failed <- serve(ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving on %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	s.Drain()
	s.opt.Log.Info("worker drains", "in_flight", s.inFlight.Load(), "grace", grace.String())
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := srv.Shutdown(stop); err != nil {
		return errors.Join(fmt.Errorf("draining: %w", err), srv.Close())
	}
	return nil
}
