package usage

import (
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/omni-run/omni/api"
)

// maxDays bounds the range of one report.
const maxDays = 366

// Range is a range of days (UTC), both included.
type Range struct{ from, to int64 }

// ParseRange reads the query parameters from and to (YYYY-MM-DD, both
// included). Without them it is the last 30 days.
func ParseRange(q url.Values, now time.Time) (Range, error) {
	today := dayOf(now)
	to, err := parseDay(q, "to", today)
	if err != nil {
		return Range{}, err
	}
	from, err := parseDay(q, "from", to-29)
	if err != nil {
		return Range{}, err
	}
	switch {
	case from > to:
		return Range{}, api.Unprocessable("bad_range", "from (%s) is after to (%s)", dayText(from), dayText(to)).At("from", "after to")
	case to-from >= maxDays:
		return Range{}, api.Unprocessable("range_too_long", "from %s to %s is %d days; ask for at most %d at once", dayText(from), dayText(to), to-from+1, maxDays).At("from", "too early")
	}
	return Range{from, to}, nil
}

func parseDay(q url.Values, name string, otherwise int64) (int64, error) {
	if !q.Has(name) {
		return otherwise, nil
	}
	t, err := time.Parse(time.DateOnly, q.Get(name))
	if err != nil || t.Year() < 1970 {
		return 0, api.Unprocessable("bad_date", "%s must be a day such as 2026-01-31", name).At(name, "not a date of the form YYYY-MM-DD")
	}
	return dayOf(t), nil
}

// Query says which report is wanted.
type Query struct {
	Tenant, Tier string
	Range        Range
	// MonthLimit is the tenant's units a month; 0 means unlimited.
	MonthLimit int64
}

// Report returns what a tenant used, up to and including the last call that
// was recorded. The month's figures are of the present month whatever the
// range.
func (l *Ledger) Report(ctx context.Context, q Query) (*api.UsageAnswer, error) {
	answer := &api.UsageAnswer{
		Tier: q.Tier, From: dayText(q.Range.from), To: dayText(q.Range.to),
		Month: l.month(q.Tenant, q.MonthLimit), Usage: []api.UsageRow{},
	}
	answer.TenantID = q.Tenant
	answer.Warnings = []string{}
	if err := l.Fold(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		answer.Warnings = append(answer.Warnings, "the newest calls are recorded but not in these figures yet")
	}
	total, err := l.rows(ctx, q, &answer.Usage)
	if err != nil {
		return nil, fmt.Errorf("reading usage: %w", err)
	}
	answer.Total = total.figures()
	return answer, nil
}

func (l *Ledger) month(tenant string, limit int64) api.UsageMonth {
	now := l.opts.Now().UTC()
	m := api.UsageMonth{
		Month: now.Format("2006-01"), UnitsUsed: l.months.get(tenant, now),
		ResetsAt: monthStart(now).AddDate(0, 1, 0).Format(time.RFC3339),
	}
	if limit > 0 {
		left := max(0, limit-m.UnitsUsed)
		m.UnitsLimit, m.UnitsLeft = &limit, &left
	}
	return m
}

// rows appends one row per day and route and returns their total.
func (l *Ledger) rows(ctx context.Context, q Query, out *[]api.UsageRow) (total sum, err error) {
	rows, err := l.db.Read.QueryContext(ctx, `SELECT day, route, class, requests, units, latency_us, histogram FROM usage
		WHERE tenant = ? AND day BETWEEN ? AND ? ORDER BY day, route, class`, q.Tenant, q.Range.from, q.Range.to)
	if err != nil {
		return total, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var current sum
	var at sumKey
	flush := func() {
		if current.requests > 0 {
			*out = append(*out, api.UsageRow{Day: dayText(at.day), Route: at.route, UsageFigures: current.figures()})
			total.merge(&current)
		}
	}
	for rows.Next() {
		key, s, err := scanSum(rows)
		if err != nil {
			return total, err
		}
		if key.day != at.day || key.route != at.route {
			flush()
			current, at = sum{}, key
		}
		current.merge(&s)
	}
	flush()
	return total, rows.Err()
}

// scanSum reads day, route and the figures of one status class.
func scanSum(rows *sql.Rows) (key sumKey, s sum, err error) {
	var stored []byte
	if err := rows.Scan(&key.day, &key.route, &key.class, &s.requests, &s.units, &s.latencyMicros, &stored); err != nil {
		return key, s, err
	}
	s.histogram = decodeHistogram(stored)
	if key.class >= 4 {
		s.errors = s.requests
	}
	if key.class >= 5 {
		s.serverErrors = s.requests
	}
	return key, s, nil
}

// Summary returns the totals of each tenant in the range, sorted by tenant,
// beginning behind after, at most limit of them.
func (l *Ledger) Summary(ctx context.Context, r Range, after string, limit int) (out []api.TenantUsage, err error) {
	if err := l.Fold(ctx); err != nil {
		return nil, err
	}
	rows, err := l.db.Read.QueryContext(ctx, `SELECT tenant, SUM(requests), SUM(units), SUM(CASE WHEN class >= 4 THEN requests ELSE 0 END),
			SUM(CASE WHEN class >= 5 THEN requests ELSE 0 END)
		FROM usage WHERE day BETWEEN ? AND ? AND tenant > ? GROUP BY tenant ORDER BY tenant LIMIT ?`, r.from, r.to, after, limit)
	if err != nil {
		return nil, fmt.Errorf("summing up usage: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var t api.TenantUsage
		if err := rows.Scan(&t.Tenant, &t.Requests, &t.Units, &t.Errors, &t.ServerErrors); err != nil {
			return nil, fmt.Errorf("summing up usage: %w", err)
		}
		out = append(out, t)
	}
	return out, rows.Err()
}

// Days returns the range as text, for answers.
func (r Range) Days() (from, to string) { return dayText(r.from), dayText(r.to) }

// WriteCSV writes the rows of a report as RFC 4180 with a heading.
func WriteCSV(w io.Writer, a *api.UsageAnswer) error {
	c := csv.NewWriter(w)
	records := [][]string{{"day", "route", "requests", "units", "errors", "server_errors", "mean_ms", "p50_ms", "p95_ms"}}
	for _, r := range a.Usage {
		records = append(records, []string{
			r.Day, r.Route, integer(r.Requests), integer(r.Units), integer(r.Errors), integer(r.ServerErrors),
			millis(r.Latency.MeanMS), millis(r.Latency.P50MS), millis(r.Latency.P95MS),
		})
	}
	if err := c.WriteAll(records); err != nil {
		return fmt.Errorf("writing usage as CSV: %w", err)
	}
	return nil
}

func integer(n int64) string { return strconv.FormatInt(n, 10) }

func millis(ms float64) string { return strconv.FormatFloat(ms, 'f', 3, 64) }
