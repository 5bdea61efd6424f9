package edge

import (
	"bytes"
	"context"
	"net/http"
	"strings"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/usage"
)

// Reports answers what a tenant used; the ledger does.
type Reports interface {
	Report(ctx context.Context, q usage.Query) (*api.UsageAnswer, error)
}

// limitsInForce are the limits that the caller meets, its own or its tier's.
func limitsInForce(x *Exchange) *api.TenantLimits {
	t, units := &x.Tier, x.Tier.MonthQuota()
	body := min(t.MaxBody, x.live.cfg.Limits.MaxBody)
	return &api.TenantLimits{
		RequestsPerMinute: &t.RequestsPerMinute, Burst: &t.Burst, Concurrent: &t.Concurrent,
		MaxBody: &body, MonthlyUnits: &units, Weight: &t.Weight,
	}
}

// serveUsage answers GET /usage?from=&to= with the caller's own figures, as
// JSON, or as CSV with Accept: text/csv or ?format=csv.
func (g *Gateway) serveUsage(x *Exchange) error {
	q := x.R.URL.Query()
	days, err := usage.ParseRange(q, g.now())
	if err != nil {
		return err
	}
	report, err := g.Reports.Report(x.Context(), usage.Query{
		Tenant: x.Principal.Tenant, Tier: x.Principal.Tier, Range: days, MonthLimit: x.Tier.MonthQuota(),
	})
	if err != nil {
		return err
	}
	x.W.Header()["Cache-Control"] = []string{"no-store"}
	if q.Get("format") == "csv" || strings.HasPrefix(x.R.Header.Get("Accept"), "text/csv") {
		var out bytes.Buffer
		if err := usage.WriteCSV(&out, report); err != nil {
			return err
		}
		writeBody(x, http.StatusOK, "text/csv; charset=utf-8", out.Bytes())
		return nil
	}
	report.Status, report.RequestID = "success", x.RequestID
	if !x.Principal.Master {
		report.Limits = limitsInForce(x)
	}
	return writeJSON(x, http.StatusOK, report)
}
