package cli

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/client"
	"github.com/omni-run/omni/internal/cli/table"
	"github.com/omni-run/omni/internal/config"
)

func (a *app) usageCommand() *cobra.Command {
	var url, tenant, from, to string
	var asCSV bool
	c := &cobra.Command{
		Use: "usage", Short: "Show what was used, by day and route",
		Long: `Show what was used. With MASTER_API_KEY in the environment: all tenants, or
one with --tenant. Else, with OMNI_API_KEY: the key's own tenant.`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			master := a.Getenv("MASTER_API_KEY")
			if master == "" && tenant != "" {
				return errors.New("--tenant needs the master key in MASTER_API_KEY")
			}
			key := master
			if key == "" {
				key = a.Getenv("OMNI_API_KEY")
			}
			c, err := a.client(url, key)
			if err != nil {
				return err
			}
			defer c.CloseIdleConnections()
			if master != "" && tenant == "" {
				return a.usageByTenant(cmd, c, from, to, asCSV)
			}
			var answer *api.UsageAnswer
			if master != "" {
				answer, err = c.UsageOf(cmd.Context(), tenant, from, to)
			} else {
				answer, err = c.Usage(cmd.Context(), from, to)
			}
			if err != nil {
				return err
			}
			return a.writeUsage(answer, asCSV)
		},
	}
	flags := c.Flags()
	flags.StringVar(&url, "url", "", "the gateway; also OMNI_URL (default http://127.0.0.1:8080)")
	flags.StringVar(&tenant, "tenant", "", "only this tenant's")
	flags.StringVar(&from, "from", "", "first day, such as 2026-01-01 (default: 30 days ago)")
	flags.StringVar(&to, "to", "", "last day (default: today)")
	flags.BoolVar(&asCSV, "csv", false, "print CSV")
	return c
}

// rows prints a header and rows as CSV or as a table.
func (a *app) rows(asCSV bool, header []string, rows [][]string) error {
	if asCSV {
		w := csv.NewWriter(a.Stdout)
		err := w.WriteAll(append([][]string{header}, rows...))
		return errors.Join(err, w.Error())
	}
	t := table.New(header...)
	for _, r := range rows {
		t.Add(r...)
	}
	_, err := t.WriteTo(a.Stdout)
	return err
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

func ms(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

func (a *app) writeUsage(u *api.UsageAnswer, asCSV bool) error {
	var rows [][]string
	for _, r := range u.Usage {
		rows = append(rows, []string{r.Day, r.Route, count(r.Requests), count(r.Units), count(r.Errors), ms(r.Latency.P50MS), ms(r.Latency.P95MS)})
	}
	if err := a.rows(asCSV, []string{"day", "route", "requests", "units", "errors", "p50_ms", "p95_ms"}, rows); err != nil || asCSV {
		return err
	}
	left := "no limit"
	if u.Month.UnitsLeft != nil {
		left = count(*u.Month.UnitsLeft) + " left"
	}
	return a.printf("\n  %s to %s: %d requests, %d units, %d errors; %s: %d units used, %s\n",
		u.From, u.To, u.Total.Requests, u.Total.Units, u.Total.Errors, u.Month.Month, u.Month.UnitsUsed, left)
}

func (a *app) usageByTenant(cmd *cobra.Command, c *client.Client, from, to string, asCSV bool) error {
	all, err := pages(func(after string) ([]api.TenantUsage, string, error) {
		answer, err := c.UsageByTenant(cmd.Context(), from, to, after)
		if err != nil {
			return nil, "", err
		}
		return answer.Tenants, answer.NextCursor, nil
	})
	if err != nil {
		return err
	}
	var rows [][]string
	for _, t := range all {
		rows = append(rows, []string{t.Tenant, count(t.Requests), count(t.Units), count(t.Errors), count(t.ServerErrors)})
	}
	return a.rows(asCSV, []string{"tenant", "requests", "units", "errors", "server_errors"}, rows)
}

// workerStatus is what GET /admin/workers says of one worker.
type workerStatus struct {
	Name           string            `json:"name"`
	State          string            `json:"state"`
	Services       map[string]string `json:"services"`
	InFlight       int               `json:"in_flight"`
	MaxConcurrency int               `json:"max_concurrency"`
	Version        string            `json:"version"`
	LastError      string            `json:"last_error"`
	Unproven       *struct {
		Error string `json:"error"`
	} `json:"unproven"`
}

// fault is what last went wrong.
func (w workerStatus) fault() string {
	if w.Unproven == nil || w.Unproven.Error == "" {
		return w.LastError
	}
	return "its new wake fails: " + w.Unproven.Error
}

func (a *app) workersCommand() *cobra.Command {
	var url string
	c := &cobra.Command{
		Use: "workers", Short: "Show the workers behind a gateway (needs MASTER_API_KEY)", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.adminClient(url)
			if err != nil {
				return err
			}
			defer c.CloseIdleConnections()
			answer, err := c.Workers(cmd.Context())
			if err != nil {
				return err
			}
			raw, err := json.Marshal(answer.Workers)
			if err != nil {
				return err
			}
			var list []workerStatus
			if err := json.Unmarshal(raw, &list); err != nil {
				return fmt.Errorf("reading the list of workers: %w", err)
			}
			var rows [][]string
			for _, w := range list {
				rows = append(rows, []string{w.Name, w.State, readyOf(w.Services), fmt.Sprintf("%d/%d", w.InFlight, w.MaxConcurrency), w.Version, w.fault()})
			}
			return a.rows(false, []string{"worker", "state", "services", "calls", "version", "last error"}, rows)
		},
	}
	c.PersistentFlags().StringVar(&url, "url", "", "the gateway; also OMNI_URL (default http://127.0.0.1:8080)")
	c.AddCommand(&cobra.Command{
		Use: "drain NAME", Short: "Send a worker no more calls", Args: exactly(1, "the worker's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.adminClient(url)
			if err != nil {
				return err
			}
			defer c.CloseIdleConnections()
			answer, err := c.DrainWorker(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.printf("worker %s is %s\n", answer.Worker, answer.State)
		},
	})
	return c
}

// readyOf says which services are ready, and what the others are.
func readyOf(services map[string]string) string {
	var rest []string
	ready := 0
	for name, state := range services {
		if state == api.StateReady {
			ready++
		} else {
			rest = append(rest, name+" "+state)
		}
	}
	slices.Sort(rest)
	return strings.Join(append([]string{fmt.Sprintf("%d ready", ready)}, rest...), ", ")
}

func (a *app) configCommand() *cobra.Command {
	check := &cobra.Command{
		Use: "check FILE", Short: "Check a configuration, every fault at once", Args: exactly(1, "the YAML file"),
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := config.Load(args[0], a.Getenv)
			if err != nil {
				// Every fault has a line of its own; the last line sums up.
				fmt.Fprintln(a.Stderr, err)
				return fmt.Errorf("%s is not a good configuration", args[0])
			}
			return a.printf("the configuration is good: %s mode, %d workers, %d routes, %d tiers\n", c.Mode, len(c.Workers), len(c.Routes), len(c.Tiers))
		},
	}
	return group("config", "Check a gateway's configuration", check)
}
