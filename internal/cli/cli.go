// Package cli is the omni command: everything a person does with Omni from a
// terminal. Each command has a file; what several need is here.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/client"
	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/buildinfo"
	"github.com/omni-run/omni/internal/cli/csvdata"
	"github.com/omni-run/omni/internal/cli/terminal"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// Env is what a command has of the world.
type Env struct {
	Args   []string
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	Getenv func(string) string
	Now    func() time.Time
}

// app is one run of the command.
type app struct {
	Env
	out terminal.Terminal
}

// usageError says that the command was typed wrongly, not that it failed.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Run executes one command and returns its exit code. An error is one line on
// stderr that says what to do.
func Run(ctx context.Context, env Env) int {
	if env.Now == nil {
		env.Now = time.Now
	}
	a := &app{Env: env, out: terminal.Detect(env.Stdout, env.Getenv)}
	root := a.root() //nolint:contextcheck // commands take the context from cobra, which gets it below
	root.SetArgs(env.Args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	if usage := (usageError{}); errors.As(err, &usage) {
		fmt.Fprintf(env.Stderr, "omni: %s; see %s --help\n", oneLine(err.Error()), command.CommandPath())
		return exitUsage
	}
	fmt.Fprintf(env.Stderr, "omni: %s\n", oneLine(explain(err)))
	return exitFailed
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// explain words an error for a person.
func explain(err error) string {
	var refused *api.Error
	var answered *client.Error
	var notConnected *net.OpError
	switch {
	case errors.As(err, &answered):
		text := answered.Error()
		switch answered.Code {
		case "missing_credentials":
			text = "the call needs a key: set OMNI_API_KEY (a demo key works with omni up)"
		case "master_key_required":
			text = "this needs the master key: set MASTER_API_KEY to the one the gateway was started with"
		}
		if answered.RequestID != "" {
			text += " (request " + answered.RequestID + ")"
		}
		return text
	case errors.As(err, &refused):
		text := refused.Message
		for _, d := range refused.Details {
			if !strings.Contains(text, d.Field) { // most messages name the field themselves
				text += "; " + d.Field + " " + d.Problem
			}
		}
		return text
	case errors.Is(err, authn.ErrAway) && errors.As(err, &notConnected):
		return fmt.Sprintf("the key database at %s does not answer; keys.url or OMNI_KEYS_URL names it", notConnected.Addr)
	case errors.As(err, &notConnected) && notConnected.Op == "dial":
		return fmt.Sprintf("nothing answers at %s: start it with `omni up`, or name another place with --url", notConnected.Addr)
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.Is(err, context.DeadlineExceeded):
		return "it took too long; try again, or give more time"
	}
	return err.Error()
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "omni",
		Short: "Forecasts, anomalies, recommendations, plans and agents over HTTP, from one binary",
		Long: `Omni serves predictions over HTTP: a gateway that knows tenants, keys and
limits, and workers that compute.

  omni up                             run everything on this machine
  omni demo                           call every capability of it
  omni forecast sales.csv --plot      forecast a CSV file, without any server`,
		SilenceUsage: true, SilenceErrors: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			text := fmt.Sprintf("there is no command %q", args[0])
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				text += "; did you mean " + near[0] + "?"
			}
			return usageError{errors.New(text)}
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddGroup(&cobra.Group{ID: "run", Title: "Run it:"}, &cobra.Group{ID: "file", Title: "On files, without a server:"}, &cobra.Group{ID: "operate", Title: "Operate it:"})
	a.add(root, "run", a.upCommand(), a.demoCommand(), a.gatewayCommand(), a.workerCommand())
	a.add(root, "file", a.forecastCommand(), a.backtestCommand(), a.detectCommand(), a.evalCommand(), a.trainCommand())
	a.add(root, "operate", a.keysCommand(), a.tenantsCommand(), a.usageCommand(), a.workersCommand(), a.configCommand(), a.loadtestCommand(), a.doctorCommand(), a.contractTestCommand(), a.costCommand(), a.auditCommand(), a.webhooksCommand())
	root.AddCommand(&cobra.Command{
		Use: "version", Short: "Print the version", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error { return a.printf("%s\n", buildinfo.Version()) },
	})
	return root
}

func (a *app) add(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, c := range commands {
		c.GroupID = group
		root.AddCommand(c)
	}
}

// printf writes to stdout.
func (a *app) printf(format string, args ...any) error {
	_, err := fmt.Fprintf(a.Stdout, format, args...)
	return err
}

// exactly wants so many arguments, named for the error.
func exactly(n int, names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < n:
			return usagef("%s is missing", names[len(args)])
		case len(args) > n:
			return usagef("%q is one argument too many", args[n])
		}
		return nil
	}
}

// group makes a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q", use+" "+args[0])
			}
			return cmd.Help()
		},
	}
	c.AddCommand(commands...)
	return c
}

// readSeries reads a CSV file, "-" being stdin, and says what it assumed.
func (a *app) readSeries(path string, o csvdata.Options) (s *csvdata.Series, err error) {
	in := a.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", path, underlying(err))
		}
		defer func() { _ = f.Close() }() // it was only read
		in = f
	}
	if s, err = csvdata.Read(in, o); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, n := range s.Notices {
		a.notice("%s", n)
	}
	return s, nil
}

// underlying drops the path that os repeats.
func underlying(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// notice tells something that is not the result.
func (a *app) notice(format string, args ...any) {
	fmt.Fprintf(a.Stderr, "note: "+format+"\n", args...)
}

// client makes a client of the gateway that flags and environment name.
func (a *app) client(url, key string, options ...client.Option) (*client.Client, error) {
	if url == "" {
		url = a.Getenv("OMNI_URL")
	}
	if url == "" {
		url = "http://127.0.0.1:8080"
	}
	c, err := client.New(url, key, append([]client.Option{client.WithUserAgent("omni/" + buildinfo.Version())}, options...)...)
	if err != nil {
		return nil, usageError{err}
	}
	return c, nil
}
