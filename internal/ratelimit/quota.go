package ratelimit

import (
	"net/http"
	"time"

	"github.com/omni-run/omni/api"
)

// Spent tells how many units a tenant has used in the present month; the usage
// ledger does.
type Spent interface {
	MonthUnits(tenant string) int64
}

// Quota limits the units of a calendar month (UTC). Units are counted when a
// call ends, so calls under way at the border may pass it by what they cost
// together; the concurrency limit bounds that.
type Quota struct {
	Spent Spent
	Now   func() time.Time
}

// Check returns an error for the caller if cost more units would exceed limit
// this month. A limit of 0 is none.
func (q *Quota) Check(tenant string, limit, cost int64) error {
	if limit == 0 {
		return nil
	}
	used := q.Spent.MonthUnits(tenant)
	if used+cost <= limit {
		return nil
	}
	now := q.Now()
	reset := NextMonth(now)
	e := api.NewError(http.StatusTooManyRequests, "quota_exhausted",
		"%d of the month's %d units are used and this call costs %d; the next month begins at %s",
		used, limit, cost, reset.Format(time.RFC3339))
	e.RetryAfter = reset.Sub(now)
	return e
}

// NextMonth returns the first moment of the month after t, in UTC.
func NextMonth(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, time.UTC)
}
