package api

import "encoding/json"

// ChurnRequest is the body of POST /predict/churn.
type ChurnRequest struct {
	Request
	UserID string `json:"user_id"`
	// Context holds the features by name: numbers, booleans, strings, null for
	// unknown. A nested object "features" is read as if it stood in its place.
	Context map[string]json.RawMessage `json:"context"`
}

// ChurnAnswer says how likely the user is to leave, and why.
type ChurnAnswer struct {
	Answer
	UserID           string  `json:"user_id"`
	ChurnProbability float64 `json:"churn_probability"`
	// RiskLevel is low below 0.25, medium below 0.5, high below 0.75, else
	// critical.
	RiskLevel string        `json:"risk_level"`
	Drivers   []ChurnDriver `json:"drivers"`
	// BaseLogOdds and the contributions of all features, also of those not
	// among Drivers, add up to the log-odds of ChurnProbability.
	BaseLogOdds float64 `json:"base_log_odds"`
	// Model is "tenant vN" or "shipped prior".
	Model string `json:"model"`
	// Confidence is between 0 and 1: how well the model separates on held-out
	// rows (2 AUC - 1), times the share of its feature importance that the
	// context covers.
	Confidence      float64 `json:"confidence"`
	ConfidenceLevel string  `json:"confidence_level"`
}

// ChurnDriver is one feature's part in the prediction.
type ChurnDriver struct {
	Feature string `json:"feature"`
	// Value is what the context holds; null when missing.
	Value json.RawMessage `json:"value"`
	// Contribution is the Shapley value in log-odds: positive drives churn.
	Contribution float64 `json:"contribution"`
}

// ChurnTrainRequest is the body of POST /predict/churn/train.
type ChurnTrainRequest struct {
	Request
	Rows []ChurnRow `json:"rows"`
	// Seed fixes the random choices; 0 by default.
	Seed uint64 `json:"seed,omitempty"`
}

// ChurnRow is one labelled user. Exactly one of the label fields is set, to a
// boolean, 0 or 1, or "yes" or "no".
type ChurnRow struct {
	UserID   string                     `json:"user_id,omitempty"`
	Features map[string]json.RawMessage `json:"features"`
	Churned  json.RawMessage            `json:"churned,omitempty"`
	Churn    json.RawMessage            `json:"churn,omitempty"`
	Label    json.RawMessage            `json:"label,omitempty"`
	Target   json.RawMessage            `json:"target,omitempty"`
}

// ChurnTrainAnswer says what was learnt.
type ChurnTrainAnswer struct {
	Answer
	// Model is "tenant vN".
	Model   string `json:"model"`
	Version int    `json:"version"`
	// Promoted says whether the new version answers from now on: yes, unless
	// the version in use is better on the held-out rows.
	Promoted bool `json:"promoted"`
	ChurnTraining
}

// ChurnTraining describes one training; it is also the version's meta.
type ChurnTraining struct {
	Rows       int               `json:"rows"`
	ChurnRate  float64           `json:"churn_rate"`
	Features   []string          `json:"features"`
	Trees      int               `json:"trees"`
	Calibrated bool              `json:"calibrated"`
	HeldOut    ChurnScores       `json:"held_out"`
	Incumbent  *ChurnScores      `json:"incumbent,omitempty"`
	Importance []ChurnImportance `json:"importance"`
	// Better says that no version in use is better on the held-out rows.
	Better bool `json:"better_than_incumbent"`
}

// ChurnScores are measured on rows no training of this tenant used. AUC is null
// when they hold one class only.
type ChurnScores struct {
	Rows    int      `json:"rows"`
	AUC     *float64 `json:"auc"`
	LogLoss float64  `json:"log_loss"`
}

// ChurnImportance is a feature's mean absolute contribution in log-odds.
type ChurnImportance struct {
	Feature string  `json:"feature"`
	Weight  float64 `json:"weight"`
}
