package forecast

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/backtest"
	"github.com/omni-run/omni/internal/ml/reconcile"
	"github.com/omni-run/omni/internal/ml/season"
)

// Ways to make a hierarchy's forecasts add up.
const (
	reconcileMinT   = "mint_shrink"
	reconcileWLS    = "wls_struct"
	reconcileBottom = "bottom_up"
)

const (
	// mostNodes bounds the matrices: their work grows with the cube.
	mostNodes = 1000
	// leastErrors a node give a covariance worth shrinking.
	leastErrors = 8
)

// family is a checked hierarchy: which nodes are sums of which.
type family struct {
	method string
	// sums and bottom are ids; nodes are the sums followed by the bottom.
	sums, bottom []string
	matrix       reconcile.Hierarchy
	// freq is the call's, for series without one of their own.
	freq string
}

func (f *family) nodes() []string { return append(slices.Clone(f.sums), f.bottom...) }

// readHierarchy checks the request's hierarchy; nil without one. A sum without
// a series of its own is added to the request, as the sum of its parts.
func readHierarchy(req *api.ForecastRequest) (*family, error) {
	method, err := oneOf("reconcile", req.Reconcile, reconcileMinT, reconcileMinT, reconcileWLS, reconcileBottom)
	if err != nil {
		return nil, err
	}
	if len(req.Hierarchy) == 0 {
		if req.Reconcile != "" {
			return nil, api.Unprocessable("missing_hierarchy", "reconcile needs a hierarchy beside it").At("hierarchy", "is missing")
		}
		return nil, nil
	}
	f := &family{method: method, sums: slices.Sorted(maps.Keys(req.Hierarchy)), freq: req.Freq}
	at := map[string]int{} // of the series
	for i, s := range req.Series {
		at[s.ID] = i
		if _, sum := req.Hierarchy[s.ID]; !sum {
			f.bottom = append(f.bottom, s.ID)
		}
	}
	if n := len(f.sums) + len(f.bottom); n > mostNodes {
		return nil, api.Unprocessable("too_many_nodes", "the hierarchy has %d nodes; at most %d", n, mostNodes).At("hierarchy", "at most %d nodes", mostNodes)
	}
	f.matrix.Bottom = len(f.bottom)
	rows := map[string][]float64{}
	for k, id := range f.bottom {
		rows[id] = make([]float64, len(f.bottom))
		rows[id][k] = 1
	}
	for _, id := range f.sums {
		if _, err := f.row(id, req.Hierarchy, rows, map[string]bool{}); err != nil {
			return nil, err
		}
		f.matrix.Sums = append(f.matrix.Sums, rows[id])
	}
	if err := f.alike(req.Series, at); err != nil {
		return nil, err
	}
	for i, id := range f.sums {
		summed := f.summed(i, req.Series, at)
		if given, ok := at[id]; !ok {
			req.Series = append(req.Series, summed)
		} else if err := adds(req.Series[given], given, summed.TimeSeries); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// row works out which bottom series a sum counts, and how often.
func (f *family) row(id string, tree map[string][]string, rows map[string][]float64, above map[string]bool) ([]float64, error) {
	if r, ok := rows[id]; ok {
		return r, nil
	}
	field := "hierarchy." + id
	parts := tree[id]
	if id == "" || len(id) > longestID {
		return nil, api.Unprocessable("bad_id", "a key of hierarchy must have 1 to %d bytes", longestID).At("hierarchy", "a key must have 1 to %d bytes", longestID)
	}
	if len(parts) == 0 {
		return nil, api.Unprocessable("empty_sum", "%s lists no series", field).At(field, "is empty")
	}
	above[id] = true
	defer delete(above, id)
	out := make([]float64, f.matrix.Bottom)
	for i, part := range parts {
		where := fmt.Sprintf("%s[%d]", field, i)
		if slices.Contains(parts[:i], part) {
			return nil, api.Unprocessable("duplicate_id", "%s repeats %.60q", where, part).At(where, "repeated")
		}
		if above[part] {
			return nil, api.Unprocessable("circular_hierarchy", "%s: %.60q is a sum of itself", where, part).At(where, "is a sum of itself")
		}
		if _, known := rows[part]; !known {
			if _, sum := tree[part]; !sum {
				return nil, api.Unprocessable("unknown_id", "%s: %.60q is neither the id of a series nor a key of hierarchy", where, part).At(where, "unknown id")
			}
		}
		r, err := f.row(part, tree, rows, above)
		if err != nil {
			return nil, err
		}
		for k, v := range r {
			out[k] += v
		}
	}
	rows[id] = out
	return out, nil
}

func (f *family) bottom0() string {
	if len(f.bottom) > 0 {
		return f.bottom[0]
	}
	return f.sums[0]
}

// summed is the series of the i-th sum, added up from the bottom.
func (f *family) summed(i int, list []api.ForecastSeries, at map[string]int) api.ForecastSeries {
	first := list[at[f.bottom[0]]]
	out := api.ForecastSeries{ID: f.sums[i], TimeSeries: make(api.Values, len(first.TimeSeries)), Timestamps: first.Timestamps, LastTimestamp: first.LastTimestamp, Freq: first.Freq}
	for k, id := range f.bottom {
		if times := f.matrix.Sums[i][k]; times > 0 {
			for j, v := range list[at[id]].TimeSeries {
				out.TimeSeries[j] += times * v
			}
		}
	}
	return out
}

// commonPeriod is one season for all nodes, that of the first sum, so that
// their back-tests cut at the same places.
func (f *family) commonPeriod(list []api.ForecastSeries) int {
	for _, s := range list {
		if s.ID == f.sums[0] && !slices.ContainsFunc(s.TimeSeries, math.IsNaN) && len(s.TimeSeries) > 0 {
			candidates := f.candidates(s)
			y := s.TimeSeries[max(0, len(s.TimeSeries)-longestHistory):]
			return season.Detect(divided(y, unitOf(y)), candidates, longestSearch)
		}
	}
	return 0
}

// candidates are the seasons that the dates or the frequency of a series
// suggest; what is wrong with them is said where the series is forecast.
func (f *family) candidates(s api.ForecastSeries) []int {
	if s.Freq == "" && (len(s.Timestamps) == 0 || f.freq != "") {
		s.Freq = f.freq
	}
	c, err := readClock(s, "", len(s.TimeSeries), gapsIgnore, func(string, ...any) {})
	if err != nil || c == nil {
		return nil
	}
	return c.freq.seasons()
}

// reconcile makes the nodes' forecasts add up, in place. made holds each
// node's outcome by its id.
func (f *family) reconcile(made map[string]*served) (*api.ForecastReconciliation, error) {
	answer := &api.ForecastReconciliation{Method: f.method, Bottom: f.bottom, Sums: f.sums}
	nodes := f.nodes()
	unit := 0.0
	for _, id := range nodes {
		unit = max(unit, unitOf(made[id].forecast))
	}
	base := make([][]float64, len(nodes))
	floor := true
	for i, id := range nodes {
		base[i] = divided(made[id].forecast, unit)
		floor = floor && made[id].atLeast0
	}
	bottom, err := f.solve(answer, base, made, unit)
	if err != nil {
		return nil, err
	}
	for step := range base[0] {
		column := make([]float64, len(f.bottom))
		for k := range column {
			if column[k] = bottom[k][step] * unit; floor {
				// At 0 or above before they are added up, so that the sums stay sums.
				column[k] = max(0, column[k])
			}
		}
		for i, v := range f.matrix.Aggregate(column) {
			made[nodes[i]].move(step, max(-mostValue, min(mostValue, v)))
		}
	}
	return answer, nil
}

// solve returns the bottom series, by the method asked for or, where that has
// no solution, by the next simpler one.
func (f *family) solve(answer *api.ForecastReconciliation, base [][]float64, made map[string]*served, unit float64) ([][]float64, error) {
	if f.method == reconcileMinT {
		errs := f.errors(made, unit)
		if len(errs) > 0 && len(errs[0]) >= leastErrors {
			bottom, lambda, err := f.matrix.MinT(base, errs)
			if err == nil {
				answer.Shrinkage = &lambda
				return bottom, nil
			}
			if !errors.Is(err, reconcile.ErrSingular) {
				return nil, fmt.Errorf("reconciling: %w", err)
			}
		}
		answer.Method = reconcileWLS
		answer.Reason = "the back-tests left too few errors, or errors without variation, for mint_shrink"
	}
	if answer.Method == reconcileWLS {
		bottom, err := f.matrix.Structural(base)
		if err == nil {
			return bottom, nil
		}
		if !errors.Is(err, reconcile.ErrSingular) {
			return nil, fmt.Errorf("reconciling: %w", err)
		}
		answer.Method, answer.Reason = reconcileBottom, "the weights of wls_struct have no solution"
	}
	return base[len(f.sums):], nil
}

// complete wants a forecast of every node: a sum of some parts is none.
func (f *family) complete(list []api.SeriesForecast) error {
	for _, s := range list {
		if s.Error != nil {
			e := api.Unprocessable("incomplete_hierarchy", "the forecasts cannot be made to add up: %.60q failed: %s", s.ID, s.Error.Message)
			e.Details = append(e.Details, s.Error.Details...)
			return e
		}
	}
	return nil
}

// errors are the nodes' back-test errors in the windows and steps that all of
// them share.
func (f *family) errors(made map[string]*served, unit float64) [][]float64 {
	nodes := f.nodes()
	shared := made[nodes[0]].windows
	for _, id := range nodes[1:] {
		w := made[id].windows
		shared = slices.DeleteFunc(slices.Clone(shared), func(a backtest.Window) bool {
			return !slices.ContainsFunc(w, func(b backtest.Window) bool { return a.Origin == b.Origin && len(a.Actual) == len(b.Actual) })
		})
	}
	out := make([][]float64, len(nodes))
	for i, id := range nodes {
		s := made[id]
		for _, a := range shared {
			for _, b := range s.windows {
				if a.Origin != b.Origin {
					continue
				}
				for j, v := range b.Actual {
					out[i] = append(out[i], (v-b.Forecast[j])*s.unit/unit)
				}
			}
		}
	}
	return out
}

// move sets the forecast of a step and takes its intervals, quantiles and
// trend along.
func (s *served) move(step int, to float64) {
	r := s.answer
	if r.BaseForecast == nil {
		r.BaseForecast = slices.Clone(r.Forecast)
	}
	by := to - r.Forecast[step]
	shift := func(v float64) float64 {
		if v = max(-mostValue, min(mostValue, v+by)); s.atLeast0 {
			return max(0, v)
		}
		return v
	}
	for name, list := range r.Intervals {
		if list[step] = shift(list[step]); name[:2] == "lo" {
			list[step] = min(list[step], to)
		} else {
			list[step] = max(list[step], to)
		}
	}
	for _, list := range r.Quantiles {
		list[step] = shift(list[step])
	}
	c := &r.ConfidenceIntervals[step]
	c.Lower, c.Upper, c.Prediction = min(shift(c.Lower), to), max(shift(c.Upper), to), to
	if e := r.Explanation; e != nil {
		e.Forecast.Trend[step] += by
		e.Forecast.Values[step] += by
	}
	r.Forecast[step] = to
}
