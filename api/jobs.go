package api

import (
	"encoding/json"
	"time"
)

// Statuses of a job.
const (
	JobPending   = "pending"
	JobRunning   = "running"
	JobSucceeded = "succeeded"
	JobFailed    = "failed"
	JobCancelled = "cancelled"
)

// Job is asynchronous work as GET /jobs/{id} shows it.
type Job struct {
	JobID  string `json:"job_id"`
	Status string `json:"status"`
	// Progress is the share of the work done, between 0 and 1.
	Progress float64 `json:"progress"`
	// Result is the answer the call would have had, once Status is succeeded.
	Result json.RawMessage `json:"result,omitempty"`
	// Error says why Status is failed or cancelled.
	Error *ErrorBody `json:"error,omitempty"`
	// Endpoint is the path pattern the job calls.
	Endpoint   string     `json:"endpoint"`
	RequestID  string     `json:"request_id"`
	CreatedAt  time.Time  `json:"created_at"`
	StartedAt  *time.Time `json:"started_at,omitempty"`
	FinishedAt *time.Time `json:"finished_at,omitempty"`
}

// Ended reports whether the job will not change any more.
func (j *Job) Ended() bool {
	return j.Status == JobSucceeded || j.Status == JobFailed || j.Status == JobCancelled
}

// JobAccepted is the 202 answer to a call that became a job.
type JobAccepted struct {
	Status    string `json:"status"` // "accepted"
	JobID     string `json:"job_id"`
	RequestID string `json:"request_id"`
	Location  string `json:"location"`
}

// JobList is the answer to GET /jobs, newest first, without results.
type JobList struct {
	Jobs      []Job  `json:"jobs"`
	RequestID string `json:"request_id"`
}
