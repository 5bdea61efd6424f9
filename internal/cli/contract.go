package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/internal/cli/contracttest"
)

func (a *app) contractTestCommand() *cobra.Command {
	var t contracttest.Target
	var call string
	var start bool
	life := contracttest.Life{Output: a.Stderr}
	c := &cobra.Command{
		Use: "contract-test URL | --start -- COMMAND...", Short: "Check that a worker of any language keeps the contract",
		Long: `Check that a worker keeps the /internal half of the HTTP contract, so that it
can stand behind the gateway. Either against a running one:

  omni contract-test http://127.0.0.1:8090 --call 'POST /internal/heavy/echo {"numbers":[360]}'

or starting it, to check its start and its end too; {port} becomes a free port:

  omni contract-test --call '...' --start -- python3 worker.py --port {port}

A worker that demands the shared token gets it from OMNI_WORKER_TOKEN.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			t.Token = a.Getenv("OMNI_WORKER_TOKEN")
			if err := parseCall(call, &t); err != nil {
				return usageError{err}
			}
			var results []contracttest.Result
			var err error
			switch {
			case start && len(args) > 0:
				life.Command = args
				results, err = contracttest.RunLife(cmd.Context(), life, t)
			case !start && len(args) == 1:
				t.URL = args[0]
				results, err = contracttest.Run(cmd.Context(), t)
			default:
				return usagef("give one URL, or --start -- and a command")
			}
			return errors.Join(a.writeResults(results), err)
		},
	}
	flags := c.Flags()
	flags.StringVar(&call, "call", "", "a call the worker answers with 200: METHOD PATH BODY")
	flags.BoolVar(&start, "start", false, "start the command after --, check it, and stop it")
	flags.DurationVar(&t.Patience, "patience", 10*time.Second, "longest single wait")
	flags.DurationVar(&life.ReadyWithin, "ready-within", 10*time.Minute, "longest wait for a started worker to be ready")
	return c
}

func parseCall(call string, t *contracttest.Target) error {
	if call == "" {
		return nil
	}
	parts := strings.SplitN(call, " ", 3)
	if len(parts) < 2 {
		return fmt.Errorf("--call %q is not METHOD PATH BODY", call)
	}
	t.Method, t.Path = parts[0], parts[1]
	if len(parts) == 3 {
		t.Body = parts[2]
	}
	return nil
}

// writeResults prints one line a check and two for one that failed.
func (a *app) writeResults(results []contracttest.Result) error {
	failed := 0
	for _, r := range results {
		line := fmt.Sprintf("%-9s %s", r.Outcome, r.Check)
		if r.Found != "" {
			line += ": " + r.Found
		}
		if err := a.printf("%s\n", line); err != nil {
			return err
		}
		if r.Outcome == contracttest.Failed {
			failed++
			if err := a.printf("          mend: %s\n", r.Mend); err != nil {
				return err
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(results))
	}
	return nil
}
