// Command omni is a person's tool: it runs everything on one machine, works on
// CSV files, makes keys, and operates a gateway. Start with: omni --help
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/omni-run/omni/internal/cli"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	go interrupt(cancel)
	code := cli.Run(ctx, cli.Env{Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv})
	cancel()
	os.Exit(code)
}

// interrupt asks for a clean stop at the first signal and forces one at the
// second; a worker that runs as our child dies with us.
func interrupt(cancel context.CancelFunc) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	<-signals
	cancel()
	<-signals
	fmt.Fprintln(os.Stderr, "omni: stopped at once, as asked twice")
	os.Exit(130)
}
