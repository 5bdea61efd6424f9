package edge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/omni-run/omni/api"
)

// Serve answers on the listener until ctx ends, then stops gracefully:
// readiness goes off, connections drain, requests in flight finish, all within
// the configured time.
func (g *Gateway) Serve(ctx context.Context, ln net.Listener) error {
	d := NewDoor(g.cfg, g.Version, g.log, g.now)
	d.Open(g)
	return d.Serve(ctx, ln)
}

// Serve answers on the listener as Gateway.Serve does, whether the gateway is
// open yet or not.
func (d *Door) Serve(ctx context.Context, ln net.Listener) error {
	running, interrupt := context.WithCancelCause(context.WithoutCancel(ctx))
	defer interrupt(nil)
	srv := d.server(running)
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving on %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	g := d.inside.Load()
	if g == nil { // it never opened, so there is nothing to drain
		interrupt(errStarting())
		return srv.Close()
	}
	g.Drain()
	duck := d.cfg.Limits.LameDuck.D()
	g.log.Info("gateway drains", "within", d.cfg.Limits.DrainTimeout.D().String(), "lame_duck", duck.String())
	if err := linger(failed, duck); err != nil {
		return fmt.Errorf("serving on %s: %w", ln.Addr(), err)
	}
	return g.shutdown(context.WithoutCancel(ctx), srv, interrupt, d.cfg.Limits.DrainTimeout.D()-duck)
}

// linger goes on serving for a while: readiness is off, load balancers notice,
// and every answer tells its caller to leave the connection. Closing idle
// connections at once would break the calls that are just on their way.
func linger(failed <-chan error, duck time.Duration) error {
	if duck <= 0 {
		return nil
	}
	t := time.NewTimer(duck)
	defer t.Stop()
	select {
	case err := <-failed:
		return err
	case <-t.C:
		return nil
	}
}

// shutdown lets requests in flight finish. When most of the time is over,
// those still held for a worker are told to come back, and a little later
// those still running are told that nobody knows how far they came: an answer
// is better than a connection that breaks.
func (g *Gateway) shutdown(ctx context.Context, srv server, interrupt context.CancelCauseFunc, whole time.Duration) error {
	stop, cancel := context.WithTimeout(ctx, whole)
	defer cancel()
	release := time.AfterFunc(whole*3/4, func() {
		last, cancel := context.WithTimeout(ctx, whole/8)
		defer cancel()
		if err := g.Pool.Stop(last); err != nil {
			g.log.Warn("calls were still running when the gateway stopped", "error", err)
			interrupt(errInterrupted())
		}
	})
	defer release.Stop()
	err := srv.Shutdown(stop)
	if err == nil {
		return nil
	}
	// net/http looks only every half second: what was told to end just before
	// the time was over may well have ended.
	last, done := context.WithTimeout(ctx, 100*time.Millisecond)
	defer done()
	if srv.Shutdown(last) == nil {
		return nil
	}
	return errors.Join(fmt.Errorf("draining: %w", err), srv.Close())
}

// errInterrupted is the answer to a call that was running on a worker when the
// gateway had to end.
func errInterrupted() *api.Error {
	e := api.NewError(http.StatusServiceUnavailable, "interrupted", "the gateway stopped while the call ran; whether it took effect is not known")
	e.RetryAfter = time.Second
	return e
}

// interrupted returns errInterrupted if that is why the exchange's context
// ended, and nil if its caller went away.
func (x *Exchange) interrupted() error {
	var why *api.Error
	if errors.As(context.Cause(x.Context()), &why) {
		return why
	}
	return nil
}
