// Command omni-worker is the native worker alone: every model of Omni in one
// static binary, behind a gateway. It knows no keys and no limits.
//
//	omni-worker [-listen 127.0.0.1:9090] [-data DIR]   serve until SIGTERM or SIGINT
//	omni-worker -healthcheck                           ask the running worker for its health
//
// OMNI_WORKER_TOKEN, when set, must accompany every call. Listening beyond
// loopback without it is refused unless OMNI_WORKER_TRUST_NETWORK=yes says
// that the network itself keeps strangers out.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/omni-run/omni/internal/buildinfo"
	"github.com/omni-run/omni/internal/nativeworker"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "omni-worker:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("omni-worker", flag.ContinueOnError)
	flags.SetOutput(stderr)
	version := flags.Bool("version", false, "print the version and exit")
	health := flags.Bool("healthcheck", false, "ask the running worker for its health and exit; all services must be ready")
	s, err := nativeworker.SettingsFromEnvironment(getenv)
	if err != nil {
		return err
	}
	flags.StringVar(&s.Listen, "listen", s.Listen, "`address` to listen on; also OMNI_WORKER_LISTEN, or PORT")
	flags.StringVar(&s.DataDir, "data", s.DataDir, "`folder` of tenants' data and models; also OMNI_DATA_DIR")
	flags.IntVar(&s.MaxConcurrency, "max-concurrency", s.MaxConcurrency, "calls that run at a time; 0 for four a core")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *version {
		_, err := fmt.Fprintln(stdout, buildinfo.Version())
		return err
	}
	if *health {
		return nativeworker.Healthcheck(ctx, s.Listen)
	}
	return nativeworker.Run(ctx, s, buildinfo.Version(), stdout)
}
