package forecast

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
)

// fullTraining is how many series of a call may each train as long as a series
// alone; in mode local more share what those would take, in mode auto more
// train no network.
const fullTraining = 20

// predictMany forecasts many series side by side; one that fails does not
// touch the others.
func (s *Service) predictMany(ctx context.Context, call *service.Call, req *api.ForecastRequest, set settings) (*api.ForecastAnswer, error) {
	if err := s.checkMany(req, set); err != nil {
		return nil, err
	}
	sums, err := readHierarchy(req)
	if err != nil {
		return nil, err
	}
	if sums != nil && set.period == 0 {
		set.period = sums.commonPeriod(req.Series)
	}
	network, err := s.networkFor(ctx, call.Tenant, set.mode)
	if err != nil {
		return nil, err
	}
	if set.neural.share = len(req.Series) / fullTraining; set.neural.share > 1 && set.mode == modeLocal {
		call.Warn("with %d series in one call, each network trains on fewer windows, and for fewer epochs, than it would alone", len(req.Series))
	}
	set.crowd = len(req.Series) > fullTraining
	set.tested = sums != nil && sums.method == reconcileMinT
	answer := &api.ForecastAnswer{Series: make([]api.SeriesForecast, len(req.Series))}
	failures, made := make([]error, len(req.Series)), make([]*served, len(req.Series))
	size := groupSize(len(req.Series))
	next := make(chan int)
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (len(req.Series)+size-1)/size) {
		wait.Go(func() {
			for from := range next {
				g := group{first: from, in: req.Series[from:min(from+size, len(req.Series))], freq: req.Freq, set: set, network: network}
				s.predictGroup(ctx, &g, answer.Series[from:], failures[from:], func(i int, one *served) {
					if sums != nil {
						made[from+i] = one // else it may go: it holds the whole race
					}
				})
			}
		})
	}
	for from := 0; from < len(req.Series); from += size {
		next <- from
		call.Progress(float64(from) / float64(len(req.Series)))
	}
	close(next)
	wait.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	failed := 0
	for _, err := range failures {
		if err == nil {
			continue
		}
		failed++
		var known *api.Error
		if !errors.As(err, &known) {
			return nil, err
		}
	}
	if sums != nil {
		if err := sums.complete(answer.Series); err != nil {
			return nil, err
		}
		byID := map[string]*served{}
		for i, s := range req.Series {
			byID[s.ID] = made[i]
		}
		if answer.Reconciliation, err = sums.reconcile(byID); err != nil {
			return nil, err
		}
	}
	switch {
	case failed == len(req.Series):
		e := api.Unprocessable("all_series_failed", "none of the %d series can be forecast; the first: %s", failed, answer.Series[0].Error.Message)
		for i := range min(failed, 20) {
			e.Details = append(e.Details, answer.Series[i].Error.Details...)
		}
		return nil, e
	case failed > 0:
		answer.Status = "partial"
		call.Warn("%d of %d series failed; see error beside each", failed, len(req.Series))
	}
	return answer, nil
}

// mostGrouped bounds how many series a group has: enough of them for the
// networks, and little to wait for when a call ends early.
const mostGrouped = 32

// groupSize shares the series of a call out so that every core has some.
func groupSize(series int) int {
	cores := runtime.GOMAXPROCS(0)
	return max(1, min(mostGrouped, (series+cores-1)/cores))
}

// group is some series of a call, whose questions to the networks are asked
// together.
type group struct {
	first   int // the index of the first in the call
	in      []api.ForecastSeries
	freq    string
	set     settings
	network *globalModel
}

// predictGroup answers the series of a group into the beginnings of out and
// failures, and tells keep what each was made from.
func (s *Service) predictGroup(ctx context.Context, g *group, out []api.SeriesForecast, failures []error, keep func(i int, one *served)) {
	list, races := make([]*checked, len(g.in)), make([]*race, 0, len(g.in))
	for i, in := range g.in {
		out[i].ID, out[i].Status = in.ID, "success"
		if in.Freq == "" && (len(in.Timestamps) == 0 || g.freq != "") {
			in.Freq = g.freq
		}
		list[i], failures[i] = s.checkOne(ctx, in, fmt.Sprintf("series[%d].", g.first+i), g.set, g.network, func(format string, args ...any) {
			out[i].Warnings = append(out[i].Warnings, fmt.Sprintf(format, args...))
		}, nil)
		if list[i] != nil {
			races = append(races, list[i].race)
		}
	}
	err := consult(ctx, races)
	for i := range g.in {
		switch {
		case list[i] != nil && err != nil:
			failures[i] = err
		case list[i] != nil:
			var one *served
			if one, failures[i] = list[i].forecast(ctx); one != nil {
				out[i].ForecastResult = one.answer
				keep(i, one)
			}
		}
		var known *api.Error
		if errors.As(failures[i], &known) {
			out[i].Status, out[i].Error = "error", &api.SeriesError{Code: known.Code, Message: known.Message, Details: known.Details}
		}
	}
}

// checkMany bounds a call of many series as a whole.
func (s *Service) checkMany(req *api.ForecastRequest, set settings) error {
	if len(req.TimeSeries) > 0 || len(req.Timestamps) > 0 || req.LastTimestamp != "" || len(req.Exogenous) > 0 {
		return api.Unprocessable("ambiguous_input", "send either time_series (with its timestamps and exogenous) or series, not both").At("series", "stands beside time_series")
	}
	if len(req.Series) == 0 || len(req.Series) > s.limits.Series {
		return api.Unprocessable("out_of_range", "series has %d entries; it takes 1 to %d", len(req.Series), s.limits.Series).
			At("series", "must have 1 to %d entries", s.limits.Series)
	}
	if steps := len(req.Series) * set.horizon; steps > s.limits.TotalSteps {
		return api.Unprocessable("too_many_steps", "%d series of %d steps are %d forecasts; at most %d a call", len(req.Series), set.horizon, steps, s.limits.TotalSteps).
			At("forecast_steps", "too many for so many series")
	}
	return checkSeries(req.Series, s.limits)
}

// checkSeries wants ids unique and present and the values bounded in all.
func checkSeries(list []api.ForecastSeries, limits Limits) error {
	total, seen := 0, make(map[string]int, len(list))
	for i, one := range list {
		total += len(one.TimeSeries)
		field := fmt.Sprintf("series[%d].id", i)
		if one.ID == "" || len(one.ID) > longestID {
			return api.Unprocessable("bad_id", "%s must have 1 to %d bytes", field, longestID).At(field, "must have 1 to %d bytes", longestID)
		}
		if before, ok := seen[one.ID]; ok {
			return api.Unprocessable("duplicate_id", "%s repeats the id of series[%d]", field, before).At(field, "repeats the id of series[%d]", before)
		}
		seen[one.ID] = i
	}
	if total > limits.TotalPoints {
		return api.Unprocessable("too_many_points", "the series have %d points together; at most %d a call", total, limits.TotalPoints).At("series", "too long together")
	}
	return nil
}
