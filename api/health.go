package api

// States of one service inside a worker.
const (
	StateLoading = "loading"
	StateReady   = "ready"
	StateFailed  = "failed"
)

// States of a worker as a whole.
const (
	WorkerInitializing = "initializing"
	WorkerOK           = "ok"
	WorkerDraining     = "draining"
)

// ServiceHealth is the state of one service inside a worker.
type ServiceHealth struct {
	State string `json:"state"`
	// Seconds is how long loading took, or has taken so far.
	Seconds float64 `json:"seconds"`
}

// WorkerHealth is what GET /internal/health answers, from the first
// millisecond on. The HTTP status is 200 in every state but draining (503).
type WorkerHealth struct {
	Status        string                   `json:"status"`
	ServicesReady bool                     `json:"services_ready"`
	Services      map[string]ServiceHealth `json:"services"`
	// ETASeconds is the worker's own guess of when it will be ready.
	ETASeconds     *float64 `json:"eta_seconds,omitempty"`
	InFlight       int      `json:"in_flight"`
	MaxConcurrency int      `json:"max_concurrency"`
	Version        string   `json:"version"`
}

// WorkerModelVersion is the answer to GET /internal/version/{service}: what
// the worker's answers to this tenant follow from, besides the body.
type WorkerModelVersion struct {
	ModelVersion string `json:"model_version"`
}
