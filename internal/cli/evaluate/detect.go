package evaluate

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/detectscore"
	"github.com/omni-run/omni/internal/ml/nabscore"
	"github.com/omni-run/omni/internal/ml/stream"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/service/anomaly"
)

// DetectorNames are the detectors there are: the modes of /anomaly/detect that
// judge every point, and /anomaly/stream.
var DetectorNames = []string{"entire", "shape", "stream"}

// DetectOptions are what detectors need to know.
type DetectOptions struct {
	// Sensitivity of modes entire and shape, 0 to 99.
	Sensitivity float64
	// Threshold of a stream's score, in (0, 1].
	Threshold float64
	// Period is the season's length in points; 0 finds it, 1 is none.
	Period int
}

// Verdict is how one detector did.
type Verdict struct {
	Detector string
	detectscore.Result
	// NAB are the benchmark's scores under its profiles, with the alarms as
	// they are: no threshold was sought. Nil without any window.
	NAB map[string]float64
	// PerPoint is the time one point took.
	PerPoint time.Duration
	// Files are the results of each series, Alarms the verdicts on its rows.
	Files  []detectscore.Result
	Alarms [][]bool
}

// Detect runs a detector over all series.
func Detect(ctx context.Context, list []*Labelled, name string, o DetectOptions, progress func(share float64)) (*Verdict, error) {
	if !slices.Contains(DetectorNames, name) {
		return nil, fmt.Errorf("there is no detector %q", name)
	}
	v := &Verdict{Detector: name, NAB: map[string]float64{}}
	start, points := time.Now(), 0
	for i, s := range list {
		progress(float64(i) / float64(len(list)))
		alarm, err := detectOne(ctx, s, name, o)
		if err != nil {
			return nil, fmt.Errorf("%s on %s: %w", name, s.Name, err)
		}
		v.Alarms = append(v.Alarms, alarm)
		points += s.Rows
	}
	v.PerPoint = time.Since(start) / time.Duration(max(points, 1))
	progress(1)
	windows := 0
	raw := map[string]float64{}
	for i, s := range list {
		r := detectscore.Compare(s.Series, v.Alarms[i])
		v.Files, v.Result = append(v.Files, r), v.Add(r)
		windows += len(s.Windows)
		for _, p := range nabscore.Profiles() {
			raw[p.Name] += nabscore.Score(s.Series, scores(v.Alarms[i]), p, 1).Raw
		}
	}
	if windows == 0 {
		v.NAB = nil
		return v, nil
	}
	for _, p := range nabscore.Profiles() {
		v.NAB[p.Name] = nabscore.Normalize(raw[p.Name], windows, p)
	}
	return v, nil
}

// scores are 1 for an alarm.
func scores(alarm []bool) []float64 {
	out := make([]float64, len(alarm))
	for i, on := range alarm {
		if on {
			out[i] = 1
		}
	}
	return out
}

func detectOne(ctx context.Context, s *Labelled, name string, o DetectOptions) ([]bool, error) {
	if name == "stream" {
		return streamed(s, o.Threshold), context.Cause(ctx)
	}
	req := api.DetectRequest{Series: s.Values, Sensitivity: &o.Sensitivity, Mode: name}
	if o.Period > 0 {
		req.Period = &o.Period
	}
	if s.Dated && s.increasing() {
		for _, t := range s.Times {
			req.Timestamps = append(req.Timestamps, t.Format(time.RFC3339))
		}
	}
	body, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	detectors := anomaly.New(anomaly.Deps{})
	for _, r := range detectors.Routes() {
		if r.Path != "/anomaly/detect" {
			continue
		}
		got, err := r.Handler(ctx, &service.Call{Tenant: "local", Tier: "local", RequestID: "local", Body: body})
		if err != nil {
			return nil, err
		}
		if a, ok := got.(*api.DetectAnswer); ok {
			return a.IsAnomaly, nil
		}
		return nil, fmt.Errorf("the anomaly service answers %T", got)
	}
	return nil, fmt.Errorf("the anomaly service has no /anomaly/detect")
}

// increasing says whether no time repeats; with repeated ones the detectors
// that need dates go without.
func (s *Labelled) increasing() bool {
	for i := 1; i < len(s.Times); i++ {
		if s.Times[i].Unix() <= s.Times[i-1].Unix() {
			return false
		}
	}
	return true
}

func streamed(s *Labelled, threshold float64) []bool {
	d := stream.New()
	alarm := make([]bool, s.Rows)
	for i, v := range s.Values {
		alarm[i] = d.Push(s.Times[i], v).Score >= threshold
	}
	return alarm
}
