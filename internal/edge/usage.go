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
	return writeJSON(x, http.StatusOK, report)
}
