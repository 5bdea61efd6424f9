package anomaly

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/stream"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/state"
)

// Store keeps the streams.
type Store interface {
	Put(ctx context.Context, tenant, collection string, records ...state.Record) error
	Get(ctx context.Context, tenant, collection, id string) ([]byte, error)
	Each(ctx context.Context, tenant, collection string, f func(state.Record) error) error
	Delete(ctx context.Context, tenant, collection string, ids ...string) (int, error)
	Count(ctx context.Context, tenant, collection string) (records int, bytes int64, err error)
}

// streamCollection is where streams are kept, by metric.
const streamCollection = "anomaly-streams"

// defaultThreshold is the score that the detector means as an alarm.
const defaultThreshold = 0.5

// warmUp is for how many points a stream only learns.
const warmUp = 32

// stream judges points as they arrive. A point is the same as one sent before
// if metric and time are: it gets the same verdict and is not counted again,
// so a call may be sent again.
func (s *Service) stream(ctx context.Context, call *service.Call, req *api.StreamRequest) (*api.StreamAnswer, error) {
	if s.store == nil {
		return nil, api.NewError(501, "no_store", "streams need a store, and this worker has none")
	}
	answer := &api.StreamAnswer{Results: make([]api.StreamVerdict, len(req.Metrics)), Threshold: defaultThreshold, Streams: []api.StreamState{}}
	if v := req.Threshold; v != nil {
		if answer.Threshold = *v; !(*v > 0 && *v <= 1) {
			return nil, api.Unprocessable("bad_threshold", "threshold is %v; it must be above 0 and at most 1", *v).At("threshold", "is %v", *v)
		}
	}
	metrics, bad := s.readStream(req)
	if bad != nil {
		return nil, bad
	}
	for _, m := range metrics {
		state, err := s.follow(ctx, call.Tenant, m, answer)
		if err != nil {
			return nil, err
		}
		answer.Streams = append(answer.Streams, state)
	}
	for i := range answer.Results {
		if answer.Results[i].IsAnomaly {
			answer.Count++
		}
	}
	return answer, nil
}

// readStream sorts the points by metric; every one has a time.
func (s *Service) readStream(req *api.StreamRequest) ([]*metric, *api.Error) {
	if len(req.Metrics) == 0 {
		return nil, api.Unprocessable("no_points", "metrics is empty: send at least one point").At("metrics", "is empty")
	}
	for i, p := range req.Metrics {
		if p.Timestamp == "" {
			return nil, api.Unprocessable("missing_timestamp", "metrics[%d] has no timestamp; a stream needs one for each point", i).At(fmt.Sprintf("metrics[%d].timestamp", i), "is missing")
		}
	}
	metrics, bad := s.readMetrics(&api.DetectRequest{Metrics: req.Metrics})
	if bad != nil {
		return nil, bad
	}
	for _, m := range metrics {
		if len(m.values) > remembered {
			return nil, api.Unprocessable("too_many_points", "metric %q has %d points; a call takes at most %d of each", m.name, len(m.values), remembered).At("metrics", "%d points of one metric", len(m.values))
		}
		for k, at := range m.times {
			if y := at.Year(); y < 1700 || y > 2200 {
				return nil, api.Unprocessable("bad_timestamp", "metrics[%d].timestamp is in the year %d", m.index[k], y).At(fmt.Sprintf("metrics[%d].timestamp", m.index[k]), "year %d", y)
			}
		}
	}
	return metrics, nil
}

// follow pushes one metric's points. What it answers is in the store before it
// returns.
func (s *Service) follow(ctx context.Context, tenant string, m *metric, answer *api.StreamAnswer) (api.StreamState, error) {
	lock := s.locks[maphash.String(s.seed, tenant+"\x00"+m.name)%uint64(len(s.locks))]
	select {
	case lock <- struct{}{}:
		defer func() { <-lock }()
	case <-ctx.Done():
		return api.StreamState{}, context.Cause(ctx)
	}
	current, err := s.openStream(ctx, tenant, m.name)
	if err != nil {
		return api.StreamState{}, err
	}
	changed := false
	for k, at := range m.times {
		said, repeated, bad := current.take(at, m, k)
		if bad != nil {
			return api.StreamState{}, bad
		}
		changed = changed || !repeated
		r := &answer.Results[m.index[k]]
		*r = api.StreamVerdict{
			Index: m.index[k], Metric: m.name, Value: optional(m.values[k]), Timestamp: m.stamps[k],
			Score: said.score, IsAnomaly: said.score >= answer.Threshold, Expected: optional(said.expected), Repeated: repeated,
		}
		if said.feature != stream.None {
			r.Reason = said.feature.String()
		}
	}
	if changed {
		data, err := current.encode()
		if err != nil {
			return api.StreamState{}, err
		}
		if err := s.store.Put(ctx, tenant, streamCollection, state.Record{ID: streamID(m.name), Value: data}); err != nil {
			return api.StreamState{}, err
		}
	}
	return current.state(m.name), nil
}

// take judges the k-th point of m, or recalls its verdict.
func (m *metricStream) take(at time.Time, points *metric, k int) (said verdict, repeated bool, bad *api.Error) {
	last, begun := m.last()
	if !begun || at.After(last) {
		return m.push(at, points.values[k]), false, nil
	}
	if said, repeated = m.recall(at); repeated {
		return said, true, nil
	}
	field := fmt.Sprintf("metrics[%d].timestamp", points.index[k])
	return verdict{}, false, api.Unprocessable("too_late", "%s is %s, before the newest point%s, %s; a stream takes points in the order of their times",
		field, points.stamps[k], points.of(), last.Format(time.RFC3339Nano)).At(field, "is before the newest point")
}

func (m *metricStream) state(name string) api.StreamState {
	st := api.StreamState{Metric: name, Points: m.detector.Count(), WarmingUp: m.detector.Count() < warmUp}
	if at, ok := m.last(); ok {
		st.LastTimestamp = at.Format(time.RFC3339Nano)
	}
	return st
}

// openStream reads the metric's stream, or begins one if the tenant may.
func (s *Service) openStream(ctx context.Context, tenant, name string) (*metricStream, error) {
	data, err := s.store.Get(ctx, tenant, streamCollection, streamID(name))
	switch {
	case err == nil:
		return decodeStream(data)
	case !errors.Is(err, state.ErrNotFound):
		return nil, err
	}
	n, _, err := s.store.Count(ctx, tenant, streamCollection)
	if err != nil {
		return nil, err
	}
	if n >= s.limits.Streams {
		return nil, api.Unprocessable("too_many_streams", "%d metrics are followed already, the most there may be; forget some: POST /anomaly/streams/forget", n).At("metrics", "metric %.64q is one too many", name)
	}
	return newMetricStream(), nil
}

// streamID is the record's id: the store wants one, and a metric may be unnamed.
func streamID(metric string) string { return "m:" + metric }

func optional(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func (s *Service) streams(ctx context.Context, call *service.Call) (*api.StreamsAnswer, error) {
	answer := &api.StreamsAnswer{Streams: []api.StreamState{}}
	if s.store == nil {
		return answer, nil
	}
	return answer, s.store.Each(ctx, call.Tenant, streamCollection, func(r state.Record) error {
		m, err := decodeStream(r.Value)
		if err != nil {
			return fmt.Errorf("reading stream %q: %w", r.ID, err)
		}
		answer.Streams = append(answer.Streams, m.state(r.ID[len("m:"):]))
		return nil
	})
}

func (s *Service) forget(ctx context.Context, call *service.Call, req *api.StreamForgetRequest) (*api.StreamForgetAnswer, error) {
	if len(req.Metrics) == 0 || len(req.Metrics) > s.limits.Metrics {
		return nil, api.Unprocessable("no_metrics", "metrics has %d names; send 1 to %d", len(req.Metrics), s.limits.Metrics).At("metrics", "has %d names", len(req.Metrics))
	}
	answer := &api.StreamForgetAnswer{}
	if s.store == nil {
		return answer, nil
	}
	ids := make([]string, len(req.Metrics))
	for i, m := range req.Metrics {
		ids[i] = streamID(m)
	}
	slices.Sort(ids)
	n, err := s.store.Delete(ctx, call.Tenant, streamCollection, slices.Compact(ids)...)
	answer.Forgotten = n
	return answer, err
}
