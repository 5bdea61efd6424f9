package cli

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/api"
)

func (a *app) auditCommand() *cobra.Command {
	var p placeFlags
	var since time.Duration
	var limit int
	var asJSON bool
	c := &cobra.Command{
		Use: "audit", Short: "Show what administrators did to keys, tenants and workers, newest first", Args: exactly(0),
		Example: "  omni audit --since 24h\n  MASTER_API_KEY=... omni audit --url https://omni.example.com --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > 100_000 {
				return usagef("--limit %d, must be in [1, 100000]", limit)
			}
			var from time.Time
			if since > 0 {
				from = a.Now().Add(-since)
			}
			return a.with(cmd.Context(), &p, false, func(k keyring) error {
				list, err := k.audit(cmd.Context(), from, limit)
				if err != nil {
					return err
				}
				return a.writeAudit(list, asJSON)
			})
		},
	}
	p.register(a, c)
	flags := c.Flags()
	flags.DurationVar(&since, "since", 0, "how far back, such as 24h (default: to the beginning)")
	flags.IntVar(&limit, "limit", 50, "how many entries at most")
	flags.BoolVar(&asJSON, "json", false, "print JSON, one entry a line")
	return c
}

func (a *app) writeAudit(list []api.AuditEntry, asJSON bool) error {
	if asJSON {
		lines := json.NewEncoder(a.Stdout)
		for _, e := range list {
			if err := lines.Encode(e); err != nil {
				return err
			}
		}
		return nil
	}
	var rows [][]string
	for _, e := range list {
		var detail []string
		for name, value := range e.Detail {
			detail = append(detail, name+"="+value)
		}
		slices.Sort(detail)
		rows = append(rows, []string{e.At.UTC().Format(time.DateTime), e.Actor, e.Address, e.Act, e.Target, e.Tenant, e.Outcome, strings.Join(detail, " "), e.RequestID})
	}
	return a.rows(false, []string{"at", "actor", "address", "act", "target", "tenant", "outcome", "detail", "request"}, rows)
}
