package api

import "encoding/json"

// IsolationForestRequest is the body of POST /anomaly/isolation-forest.
type IsolationForestRequest struct {
	Request
	// Data holds the rows: objects of numbers, or lists of numbers.
	Data []json.RawMessage `json:"data"`
	// FeatureNames picks and orders the features of object rows and names the
	// columns of list rows. By default: all names that occur, sorted.
	FeatureNames []string `json:"feature_names,omitempty"`
	// Contamination is the share of anomalies expected, in (0, 0.5]; 0.1 by
	// default.
	Contamination *float64 `json:"contamination,omitempty"`
	// Trees is between 1 and 1000; 100 by default.
	Trees *int `json:"trees,omitempty"`
	// Seed fixes the random choices; 0 by default.
	Seed *uint64 `json:"seed,omitempty"`
}

// IsolationForestAnswer follows scikit-learn's conventions: scores in [-1, 0),
// the lower the stranger; decision = score - offset; -1 marks an anomaly.
type IsolationForestAnswer struct {
	Answer
	NSamples      int                `json:"n_samples"`
	NAnomalies    int                `json:"n_anomalies"`
	AnomalyRate   float64            `json:"anomaly_rate"`
	Contamination float64            `json:"contamination"`
	FeatureNames  []string           `json:"feature_names"`
	Predictions   []int              `json:"predictions"`
	AnomalyScores []float64          `json:"anomaly_scores"`
	Offset        float64            `json:"offset"`
	Trees         int                `json:"trees"`
	MaxSamples    int                `json:"max_samples"`
	Anomalies     []IsolationAnomaly `json:"anomalies"`
}

// IsolationAnomaly is one row marked -1, the strangest first.
type IsolationAnomaly struct {
	Index         int                `json:"index"`
	Data          map[string]float64 `json:"data"`
	AnomalyScore  float64            `json:"anomaly_score"`
	DecisionScore float64            `json:"decision_score"`
	Severity      string             `json:"severity"`
	// Drivers are the features that isolate the row, the strongest first.
	Drivers []AnomalyDriver `json:"drivers"`
}

// AnomalyDriver is one feature's part in isolating a row.
type AnomalyDriver struct {
	Feature string  `json:"feature"`
	Value   float64 `json:"value"`
	// Contribution is in powers of two of the score: the contributions of all
	// features and a base add up to log2(-score). Positive isolates.
	Contribution float64 `json:"contribution"`
}

// DetectRequest is the body of POST /anomaly/detect: either Metrics or Series.
type DetectRequest struct {
	Request
	Metrics []MetricPoint `json:"metrics,omitempty"`
	Series  Values        `json:"series,omitempty"`
	// Timestamps belong to Series: as many, strictly increasing.
	Timestamps []string `json:"timestamps,omitempty"`
	// Sensitivity is between 0 (only the grossest) and 99; 60 by default.
	Sensitivity *float64 `json:"sensitivity,omitempty"`
	// Period is the season's length in points; found if absent or 0, none if 1.
	Period *int `json:"period,omitempty"`
	// Mode is "entire" (the default), "last", "changepoint", or "shape", which
	// looks for stretches whose shape occurs nowhere else in the series.
	Mode string `json:"mode,omitempty"`
	// Window is the length of such a stretch, at least 4; if absent the period,
	// or a thirtieth of the series.
	Window *int `json:"window,omitempty"`
}

// MetricPoint is one measurement of one metric. A null value is a gap.
type MetricPoint struct {
	Metric    string   `json:"metric"`
	Value     *float64 `json:"value"`
	Timestamp string   `json:"timestamp,omitempty"`
}

// DetectAnswer holds, index for index of the request, what was expected. Where
// a point was not judged the numbers are null.
type DetectAnswer struct {
	Answer
	Anomalies   []PointAnomaly `json:"anomalies"`
	Count       int            `json:"count"`
	Expected    Values         `json:"expected"`
	Upper       Values         `json:"upper"`
	Lower       Values         `json:"lower"`
	IsAnomaly   []bool         `json:"is_anomaly"`
	Sensitivity float64        `json:"sensitivity"`
	Mode        string         `json:"mode"`
	// Period is that of the only metric; absent if there are several.
	Period *int `json:"period,omitempty"`
	// ChangePoints are lasting shifts of level.
	ChangePoints []ChangePoint `json:"change_points"`
	// NotScored are the indices of points without a judgement though one was
	// asked for: gaps, and metrics with too few points.
	NotScored []int `json:"not_scored"`
	// Series says how each metric was judged, in order of first appearance.
	Series []DetectedSeries `json:"series"`
}

// PointAnomaly is one point outside its corridor whose like does not occur
// elsewhere in the series, in mode changepoint the first point of a new level,
// in mode shape the point of a strange stretch that lies farthest from the
// expected shape.
type PointAnomaly struct {
	Index     int     `json:"index"`
	Metric    string  `json:"metric,omitempty"`
	Value     float64 `json:"value"`
	Timestamp string  `json:"timestamp,omitempty"`
	Expected  float64 `json:"expected"`
	// Score is the distance from Expected in robust standard deviations.
	Score    float64 `json:"score"`
	Severity string  `json:"severity"`
	// Start and Length are the stretch in mode shape; Like is where the one most
	// like it begins.
	Start  *int `json:"start,omitempty"`
	Length int  `json:"length,omitempty"`
	Like   *int `json:"like,omitempty"`
}

// ChangePoint is a lasting shift of level.
type ChangePoint struct {
	Index      int     `json:"index"`
	Metric     string  `json:"metric,omitempty"`
	Timestamp  string  `json:"timestamp,omitempty"`
	Before     float64 `json:"before"`
	After      float64 `json:"after"`
	Confidence float64 `json:"confidence"`
}

// DetectedSeries says how one metric was judged.
type DetectedSeries struct {
	Metric       string `json:"metric,omitempty"`
	Points       int    `json:"points"`
	Anomalies    int    `json:"anomalies"`
	ChangePoints int    `json:"change_points"`
	// Period is 0 for a series without season.
	Period int `json:"period"`
	// Window is the length of the stretches compared in mode shape.
	Window int `json:"window,omitempty"`
	// Threshold is how many robust standard deviations wide the corridor is on
	// either side.
	Threshold float64 `json:"threshold"`
}

// StreamRequest is the body of POST /anomaly/stream: the newest points of one
// metric or several, each metric's in the order of their times.
type StreamRequest struct {
	Request
	Metrics []MetricPoint `json:"metrics"`
	// Threshold is the score from which a point is called an anomaly, in (0, 1];
	// 0.5 by default.
	Threshold *float64 `json:"threshold,omitempty"`
}

// StreamAnswer holds a verdict for each point of the request, in its order.
type StreamAnswer struct {
	Answer
	Results []StreamVerdict `json:"results"`
	// Count is how many of the results are anomalies.
	Count     int     `json:"count"`
	Threshold float64 `json:"threshold"`
	// Streams says how much each metric of the call has seen.
	Streams []StreamState `json:"streams"`
}

// StreamVerdict is the verdict on one point.
type StreamVerdict struct {
	Index     int      `json:"index"`
	Metric    string   `json:"metric,omitempty"`
	Value     *float64 `json:"value"`
	Timestamp string   `json:"timestamp"`
	// Score is 0 for nothing new up to 1.
	Score     float64 `json:"score"`
	IsAnomaly bool    `json:"is_anomaly"`
	// Expected is the usual value of that hour of the week, or of the points
	// just before; null before the first value.
	Expected *float64 `json:"expected"`
	// Reason names what stood out: value, season, spread or level.
	Reason string `json:"reason,omitempty"`
	// Repeated says that this point had been sent before: the verdict is the
	// one given then, and the point was not counted again.
	Repeated bool `json:"repeated,omitempty"`
}

// StreamState is how far a metric's stream has come.
type StreamState struct {
	Metric string `json:"metric"`
	Points int    `json:"points"`
	// LastTimestamp is that of the newest point.
	LastTimestamp string `json:"last_timestamp,omitempty"`
	// WarmingUp says that the first points are still only learnt from.
	WarmingUp bool `json:"warming_up"`
}

// StreamsAnswer is what GET /anomaly/streams answers.
type StreamsAnswer struct {
	Answer
	Streams []StreamState `json:"streams"`
}

// StreamForgetRequest is the body of POST /anomaly/streams/forget.
type StreamForgetRequest struct {
	Request
	Metrics []string `json:"metrics"`
}

// StreamForgetAnswer says how many streams were forgotten.
type StreamForgetAnswer struct {
	Answer
	Forgotten int `json:"forgotten"`
}
