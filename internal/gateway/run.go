package gateway

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/edge"
	"github.com/omni-run/omni/internal/observe"
)

// Listen opens the gateway's address.
type Listen func(ctx context.Context, address string) (net.Listener, error)

// Run is a gateway process: it logs to stdout, listens, and serves until ctx
// ends. It answers its health from the first moment, while the stores open. A
// source that is not nil is where c came from: it is read again on SIGHUP and
// when what it holds has changed.
func Run(ctx context.Context, c config.Config, source *config.Source, version string, stdout io.Writer, listen Listen) (err error) {
	follow := newFollower(source, c)
	defer follow.close()
	ease := observe.EaseCollector()
	defer ease()
	lines := observe.NewLines(stdout)
	defer func() { err = errors.Join(err, lines.Close()) }()
	level := new(slog.LevelVar)
	log, err := observe.NewLogger(lines, observe.LogOptions{Level: c.Log.Level, Format: c.Log.Format, Var: level})
	if err != nil {
		return err
	}
	reporter, err := observe.NewReporter(observe.ReportOptions{
		DSN: c.Sentry.DSN, Environment: c.Sentry.Environment, Release: version, Component: "gateway",
	}, log)
	if err != nil {
		return err
	}
	ln, err := listen(ctx, c.Listen)
	if err != nil {
		return err
	}
	return run(ctx, Options{Config: c, Version: version, Log: log, Now: time.Now, Reporter: reporter, Source: source, Level: level}, follow, ln)
}

// run opens the gateway behind a door that answers already.
func run(ctx context.Context, o Options, follow *follower, ln net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	door := edge.NewDoor(o.Config, o.Version, o.Log, o.Now)
	served := make(chan error, 1)
	go func() { served <- door.Serve(ctx, ln) }()
	g, err := Open(ctx, o)
	if err != nil {
		if ctx.Err() != nil {
			return <-served // told to stop while it started: that is no failure
		}
		cancel() // nothing is open, so the door shuts at once
		return errors.Join(err, <-served)
	}
	debugged, err := g.serveDebug(ctx)
	if err != nil {
		cancel()
		stop, done := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer done()
		return errors.Join(err, <-served, g.Close(stop))
	}
	door.Open(g.edge)
	g.announce(ln)
	var following sync.WaitGroup
	following.Go(func() { follow.run(ctx, g.config) })
	err = g.untilServed(ctx, served)
	cancel()
	following.Wait()
	debugged()
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer done()
	return errors.Join(err, g.Close(stop))
}

// untilServed waits for the end of serving. Jobs are stopped while calls
// drain, and before the workers are: what can run again then waits for the
// next start instead of failing.
func (g *Gateway) untilServed(ctx context.Context, served <-chan error) error {
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		within, done := context.WithTimeout(context.WithoutCancel(ctx), g.opt.Config.Limits.DrainTimeout.D()/2)
		defer done()
		stopped <- g.jobs.Stop(within)
	}()
	err := <-served
	cancel()
	return errors.Join(err, <-stopped)
}
