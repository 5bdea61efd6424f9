package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/internal/buildinfo"
	"github.com/omni-run/omni/internal/nativeworker"
)

// workerCommand serves the models. omni up runs it as a child, with
// --announce: then the first line of standard output is the address, and the
// end of standard input means stop.
func (a *app) workerCommand() *cobra.Command {
	var announce, attached bool
	s, settingsErr := nativeworker.SettingsFromEnvironment(a.Getenv)
	c := &cobra.Command{
		Use: "worker", Short: "Serve the models alone, for a gateway elsewhere (as omni-worker)",
		Long: `Serve the models alone. OMNI_WORKER_TOKEN, when set, must accompany every
call; see docs/architecture.md for the other variables.`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if settingsErr != nil {
				return settingsErr
			}
			if !announce && !attached {
				return a.listening(s.Listen, nativeworker.Run(cmd.Context(), s, buildinfo.Version(), a.Stdout))
			}
			if announce {
				s.Announce = func(address string) { fmt.Fprintln(a.Stdout, address) }
			}
			return a.attachedWorker(cmd.Context(), s)
		},
	}
	flags := c.Flags()
	flags.StringVar(&s.Listen, "listen", s.Listen, "address to listen on; also OMNI_WORKER_LISTEN, or PORT")
	flags.StringVar(&s.DataDir, "data", s.DataDir, "folder of tenants' data and models; also OMNI_DATA_DIR")
	flags.IntVar(&s.MaxConcurrency, "max-concurrency", s.MaxConcurrency, "calls that run at a time; 0 for four a core")
	flags.BoolVar(&announce, "announce", false, "write the address to standard output; stop when standard input ends")
	flags.BoolVar(&attached, "attached", false, "log to standard error; stop when standard input ends")
	// The flags were registered just above.
	_ = flags.MarkHidden("announce")
	_ = flags.MarkHidden("attached")
	return c
}

func (a *app) attachedWorker(ctx context.Context, s nativeworker.Settings) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Not waited for: a read from a terminal or a pipe cannot be called off.
	go func() {
		_, _ = io.Copy(io.Discard, a.Stdin)
		cancel()
	}()
	return nativeworker.Run(ctx, s, buildinfo.Version(), a.Stderr)
}
