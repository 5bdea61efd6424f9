package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// serveDebug serves profiles on an address of its own until ctx ends, and
// returns a function that waits for its end.
func (g *Gateway) serveDebug(ctx context.Context) (wait func(), err error) {
	address := g.opt.Config.DebugListen
	if address == "" {
		return func() {}, nil
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening for profiles: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			g.opt.Log.Warn("profiles are no longer served", "error", err)
		}
	}()
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	g.opt.Log.Info("profiles are served", "address", ln.Addr().String())
	return func() {
		stop()
		_ = srv.Close() // a profile under way is cut off
		<-done
	}, nil
}
