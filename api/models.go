package api

import (
	"encoding/json"
	"time"
)

// ModelsAnswer lists the tenant's models: GET /models.
type ModelsAnswer struct {
	Answer
	Count  int         `json:"count"`
	Models []ModelInfo `json:"models"`
	// Kinds can be asked for in POST /models/train.
	Kinds []string `json:"kinds"`
}

// ModelInfo is one version of one model.
type ModelInfo struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Kind    string `json:"kind"`
	// ModelStatus is "candidate", "promoted" (in use) or "archived".
	ModelStatus string          `json:"model_status"`
	SHA256      string          `json:"sha256"`
	CreatedAt   time.Time       `json:"created_at"`
	Meta        json.RawMessage `json:"meta"`
}

// ModelTrainRequest is the body of POST /models/train.
type ModelTrainRequest struct {
	Request
	// Kind says which trainer runs, such as "churn".
	Kind string `json:"kind"`
	// Name of the model; the kind by default, which is where the prediction
	// routes look.
	Name string `json:"name,omitempty"`
	// Spec is what the trainer takes: for "churn" the body of POST
	// /predict/churn/train.
	Spec json.RawMessage `json:"spec"`
	// Promote decides whether the new version comes into use. By default it
	// does, unless the trainer finds the one in use better.
	Promote *bool `json:"promote,omitempty"`
}

// ModelPromoteRequest is the body of POST /models/{name}/promote.
type ModelPromoteRequest struct {
	Request
	Version int `json:"version"`
}

// ModelRollbackRequest is the body of POST /models/{name}/rollback; it may be
// empty.
type ModelRollbackRequest struct {
	Request
}

// ModelAnswer is one version after it was trained, promoted or rolled back to.
type ModelAnswer struct {
	Answer
	ModelInfo
	Promoted bool `json:"promoted"`
	// Previous is the version that was in use before, 0 if none.
	Previous int `json:"previous_version"`
}
