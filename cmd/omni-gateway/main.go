// Command omni-gateway is the public edge alone: keys, tiers, limits, routing,
// the hold queue, metrics. It links no model.
//
//	omni-gateway [-config FILE]          serve until SIGTERM or SIGINT; SIGHUP reads FILE again
//	omni-gateway -check [-config FILE]   check the configuration and exit
//	omni-gateway -healthcheck            ask the running gateway for its health
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/omni-run/omni/internal/buildinfo"
	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/gateway"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "omni-gateway:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("omni-gateway", flag.ContinueOnError)
	flags.SetOutput(stderr)
	path := flags.String("config", getenv("OMNI_CONFIG"), "YAML configuration `file`; also OMNI_CONFIG")
	check := flags.Bool("check", false, "check the configuration and exit")
	health := flags.Bool("healthcheck", false, "ask the running gateway for its health and exit")
	version := flags.Bool("version", false, "print the version and exit")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *version {
		_, err := fmt.Fprintln(stdout, buildinfo.Version())
		return err
	}
	c, err := config.Load(*path, getenv)
	if err != nil {
		return err
	}
	switch {
	case *check:
		_, err = fmt.Fprintf(stdout, "the configuration is good: %d workers, %d routes, %d tiers\n", len(c.Workers), len(c.Routes), len(c.Tiers))
		return err
	case *health:
		return healthcheck(ctx, c.Listen)
	}
	return gateway.Run(ctx, c, &config.Source{Path: *path, Getenv: getenv}, buildinfo.Version(), stdout, func(ctx context.Context, address string) (net.Listener, error) {
		return new(net.ListenConfig).Listen(ctx, "tcp", address)
	})
}

// healthcheck is for containers that have no shell to run curl in.
func healthcheck(ctx context.Context, listen string) error {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort("127.0.0.1", port)+"/health/live", http.NoBody)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the gateway answers %d", res.StatusCode)
	}
	return nil
}
