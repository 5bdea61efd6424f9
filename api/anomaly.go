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
	// Mode is "entire" (the default), "last" or "changepoint".
	Mode string `json:"mode,omitempty"`
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

// PointAnomaly is one point outside its corridor, or in mode changepoint the
// first point of a new level.
type PointAnomaly struct {
	Index     int     `json:"index"`
	Metric    string  `json:"metric,omitempty"`
	Value     float64 `json:"value"`
	Timestamp string  `json:"timestamp,omitempty"`
	Expected  float64 `json:"expected"`
	// Score is the distance from Expected in robust standard deviations.
	Score    float64 `json:"score"`
	Severity string  `json:"severity"`
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
	// Threshold is how many robust standard deviations make an anomaly.
	Threshold float64 `json:"threshold"`
}
