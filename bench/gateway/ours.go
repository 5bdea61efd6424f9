package main

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime/pprof"
	"time"

	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/gateway"
	"github.com/omni-run/omni/internal/observe"
)

// serveOurs is our gateway within this program, so that the profiler can be
// switched on: the shipped command has none on its public side.
func serveOurs(ctx context.Context, path, profile string) error {
	c, err := config.Load(path, os.Getenv)
	if err != nil {
		return err
	}
	ease := observe.EaseCollector()
	defer ease()
	lines := observe.NewLines(os.Stdout)
	defer lines.Close()
	log, err := observe.NewLogger(lines, observe.LogOptions{Level: c.Log.Level, Format: c.Log.Format})
	if err != nil {
		return err
	}
	out, err := os.Create(profile)
	if err != nil {
		return err
	}
	defer out.Close()
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	g, err := gateway.Open(ctx, gateway.Options{Config: c, Version: "profiled", Log: log})
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	err = g.Serve(ctx, ln)
	pprof.StopCPUProfile()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return errors.Join(err, g.Close(stop))
}
