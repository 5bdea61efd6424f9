package agents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sort"

	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/state"
	"github.com/omni-run/omni/internal/tool/catalog"
)

// smoothing is the weight of the newest value in the moving average.
const smoothing = 0.2

// enough is how many values a baseline needs before it may judge.
const enough = 8

// baseline is what is normal for a metric: running mean and variance (Welford,
// 1962), an exponentially weighted average, and the 5, 50 and 95 % quantiles
// by the P² method (Jain and Chlamtac, 1985).
type baseline struct {
	N    int     `json:"n"`
	Mean float64 `json:"mean"`
	// Spread is the sum of squared differences from the mean.
	Spread    float64     `json:"spread"`
	Average   float64     `json:"average"`
	Quantiles [3]quantile `json:"quantiles"`
}

var shares = [3]float64{0.05, 0.5, 0.95}

func (b *baseline) add(x float64) {
	x = max(-1e150, min(1e150, x)) // squares stay finite
	if b.N == 0 {
		b.Average = x
		for i := range b.Quantiles {
			b.Quantiles[i].Share = shares[i]
		}
	}
	b.N++
	d := x - b.Mean
	b.Mean += d / float64(b.N)
	b.Spread += d * (x - b.Mean)
	b.Average += smoothing * (x - b.Average)
	for i := range b.Quantiles {
		b.Quantiles[i].add(x)
	}
}

// deviation is the sample standard deviation.
func (b *baseline) deviation() float64 {
	if b.N < 2 {
		return 0
	}
	return math.Sqrt(max(0, b.Spread) / float64(b.N-1))
}

// scale is the deviation, never so small that rounding looks like news.
func (b *baseline) scale() float64 {
	return max(b.deviation(), 1e-9*math.Abs(b.Mean), 1e-300)
}

// quantile estimates one quantile in constant memory.
type quantile struct {
	Share   float64    `json:"share"`
	N       int        `json:"n"`
	Heights [5]float64 `json:"heights"`
	At      [5]float64 `json:"at"`
}

func (q *quantile) add(x float64) {
	if q.N < 5 {
		q.Heights[q.N] = x
		q.N++
		if q.N == 5 {
			sort.Float64s(q.Heights[:])
			q.At = [5]float64{1, 2, 3, 4, 5}
		}
		return
	}
	q.N++
	k := 3
	switch {
	case x < q.Heights[0]:
		q.Heights[0], k = x, 0
	case x >= q.Heights[4]:
		q.Heights[4] = x
	default:
		for i := 1; i < 5; i++ {
			if x < q.Heights[i] {
				k = i - 1
				break
			}
		}
	}
	for i := k + 1; i < 5; i++ {
		q.At[i]++
	}
	p, n := q.Share, float64(q.N-1)
	want := [5]float64{1, 1 + n*p/2, 1 + n*p, 1 + n*(1+p)/2, 1 + n}
	for i := 1; i < 4; i++ {
		d := want[i] - q.At[i]
		if d >= 1 && q.At[i+1]-q.At[i] > 1 || d <= -1 && q.At[i-1]-q.At[i] < -1 {
			q.move(i, math.Copysign(1, d))
		}
	}
}

// move shifts marker i by one place, its height along a parabola or, where that
// would break the order, a line.
func (q *quantile) move(i int, d float64) {
	h, a := &q.Heights, &q.At
	up := h[i] + d/(a[i+1]-a[i-1])*((a[i]-a[i-1]+d)*(h[i+1]-h[i])/(a[i+1]-a[i])+(a[i+1]-a[i]-d)*(h[i]-h[i-1])/(a[i]-a[i-1]))
	if h[i-1] < up && up < h[i+1] {
		h[i] = up
	} else {
		j := i + int(d)
		h[i] += d * (h[j] - h[i]) / (a[j] - a[i])
	}
	a[i] += d
}

// value is the estimate; 0 for no values.
func (q *quantile) value() float64 {
	if q.N == 0 {
		return 0
	}
	if q.N < 5 {
		few := append([]float64{}, q.Heights[:q.N]...)
		sort.Float64s(few)
		return few[min(q.N-1, int(q.Share*float64(q.N)))]
	}
	return q.Heights[2]
}

// baselines reads those of the observation's metrics.
func (s *Service) baselines(ctx context.Context, tenant string, seen *observation) (map[string]*baseline, error) {
	out := map[string]*baseline{}
	for _, path := range append(names(seen.scalars), names(seen.series)...) {
		raw, err := s.deps.Store.Get(ctx, tenant, collectionBaselines, path)
		if errors.Is(err, state.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		b := new(baseline)
		if err := json.Unmarshal(raw, b); err != nil {
			return nil, fmt.Errorf("reading a baseline: %w", err)
		}
		out[path] = b
	}
	return out, nil
}

// learn adds the observation to the baselines, new metrics as long as the
// tenant has room for them.
func (s *Service) learn(ctx context.Context, call *service.Call, seen *observation, learned map[string]*baseline) error {
	held, _, err := s.deps.Store.Count(ctx, call.Tenant, collectionBaselines)
	if err != nil {
		return err
	}
	var records []state.Record
	full := false
	add := func(path string, values ...float64) error {
		b := learned[path]
		if b == nil {
			if held >= MaxBaselines {
				full = true
				return nil
			}
			held++
			b = new(baseline)
		}
		for _, x := range values {
			b.add(x)
		}
		raw, err := json.Marshal(b)
		if err != nil {
			return fmt.Errorf("writing a baseline: %w", err)
		}
		records = append(records, state.Record{ID: path, Value: raw})
		return nil
	}
	for _, path := range names(seen.scalars) {
		if err := add(path, seen.scalars[path]); err != nil {
			return err
		}
	}
	for _, path := range names(seen.series) {
		if err := add(path, catalog.Known(seen.series[path])...); err != nil {
			return err
		}
	}
	if full {
		call.Warn("baselines are kept for %d metrics; new ones were not added", MaxBaselines)
	}
	if len(records) == 0 {
		return nil
	}
	return s.deps.Store.Put(ctx, call.Tenant, collectionBaselines, records...)
}
