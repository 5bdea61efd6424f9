package usage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/omni-run/omni/api"
)

// sumKey names one row of the sums.
type sumKey struct {
	tenant string
	day    int64
	route  string
	class  int
}

// sum is the content of one row, and of any total of rows.
type sum struct {
	requests, units, errors, serverErrors int64
	latencyMicros                         int64
	histogram                             histogram
}

const secondsPerDay = 24 * 3600

func dayOf(t time.Time) int64 {
	s := t.Unix()
	day := s / secondsPerDay
	if s%secondsPerDay < 0 {
		day--
	}
	return day
}

func dayText(day int64) string { return time.Unix(day*secondsPerDay, 0).UTC().Format(time.DateOnly) }

func (s *sum) add(e *Entry) {
	s.requests++
	s.units += e.Units
	s.latencyMicros += e.Latency.Microseconds()
	s.histogram.add(e.Latency)
}

func (s *sum) merge(o *sum) {
	s.requests += o.requests
	s.units += o.units
	s.errors += o.errors
	s.serverErrors += o.serverErrors
	s.latencyMicros += o.latencyMicros
	s.histogram.merge(&o.histogram)
}

func (s *sum) figures() api.UsageFigures {
	f := api.UsageFigures{Requests: s.requests, Units: s.units, Errors: s.errors, ServerErrors: s.serverErrors}
	if s.requests > 0 {
		f.Latency = api.LatencyFigures{
			MeanMS: float64(s.latencyMicros) / float64(s.requests) / 1000,
			P50MS:  s.histogram.quantile(0.5),
			P95MS:  s.histogram.quantile(0.95),
		}
	}
	return f
}

// addSum adds s to its row.
func addSum(ctx context.Context, tx *sql.Tx, k sumKey, s *sum) error {
	var stored []byte
	err := tx.QueryRowContext(ctx, "SELECT histogram FROM usage WHERE tenant = ? AND day = ? AND route = ? AND class = ?",
		k.tenant, k.day, k.route, k.class).Scan(&stored)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("reading a usage sum: %w", err)
	}
	h := decodeHistogram(stored)
	h.merge(&s.histogram)
	_, err = tx.ExecContext(ctx, `INSERT INTO usage (tenant, day, route, class, requests, units, latency_us, histogram)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (tenant, day, route, class) DO UPDATE SET requests = requests + excluded.requests,
			units = units + excluded.units, latency_us = latency_us + excluded.latency_us, histogram = excluded.histogram`,
		k.tenant, k.day, k.route, k.class, s.requests, s.units, s.latencyMicros, h.encode())
	if err != nil {
		return fmt.Errorf("writing a usage sum: %w", err)
	}
	return nil
}

// loadMonths fills the month counters from the sums.
func (l *Ledger) loadMonths(ctx context.Context) error {
	start := monthStart(l.opts.Now())
	rows, err := l.db.Read.QueryContext(ctx, "SELECT tenant, SUM(units) FROM usage WHERE day >= ? GROUP BY tenant", dayOf(start))
	if err != nil {
		return err
	}
	for rows.Next() {
		var tenant string
		var units int64
		if err := rows.Scan(&tenant, &units); err != nil {
			return errors.Join(err, rows.Close()) //nolint:sqlclosecheck // closed on each way out, its error kept
		}
		l.months.add(tenant, start, units)
	}
	return errors.Join(rows.Err(), rows.Close())
}
