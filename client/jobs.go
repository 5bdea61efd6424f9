package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/omni-run/omni/api"
)

// Async submits a POST as a job: it returns as soon as the gateway has it on
// disk. [Client.Wait] fetches the result.
func (c *Client) Async(ctx context.Context, path string, req any, o ...CallOption) (*api.JobAccepted, error) {
	return post[api.JobAccepted](ctx, c, path, req, append([]CallOption{respondAsync}, o...))
}

// Job shows a job: GET /jobs/{id}.
func (c *Client) Job(ctx context.Context, id string, o ...CallOption) (*api.Job, error) {
	return get[api.Job](ctx, c, "/jobs/"+url.PathEscape(id), o)
}

// Jobs lists the newest jobs; limit 0 takes the gateway's default: GET /jobs.
func (c *Client) Jobs(ctx context.Context, limit int, o ...CallOption) (*api.JobList, error) {
	return get[api.JobList](ctx, c, "/jobs"+limited(limit), o)
}

// CancelJob stops a job: DELETE /jobs/{id}.
func (c *Client) CancelJob(ctx context.Context, id string, o ...CallOption) (*api.Job, error) {
	return send[api.Job](ctx, c, http.MethodDelete, "/jobs/"+url.PathEscape(id), nil, o)
}

// Wait asks until the job has ended and reads its result into result, unless
// that is nil. A job that failed or was cancelled is a *JobError.
func (c *Client) Wait(ctx context.Context, id string, result any) (*api.Job, error) {
	pause := 50 * time.Millisecond
	for {
		job, err := c.Job(ctx, id)
		if err != nil {
			return nil, err
		}
		switch {
		case job.Status == api.JobSucceeded && result != nil:
			if err := json.Unmarshal(job.Result, result); err != nil {
				return job, fmt.Errorf("job %s: reading the result: %w", id, err)
			}
			return job, nil
		case job.Status == api.JobSucceeded:
			return job, nil
		case job.Ended():
			return job, &JobError{Job: job}
		}
		if err := c.sleep(ctx, pause); err != nil {
			return job, fmt.Errorf("waiting for job %s: %w", id, err)
		}
		pause = min(2*pause, 2*time.Second)
	}
}

// JobError says that a job ended without a result.
type JobError struct{ Job *api.Job }

// Error says why.
func (e *JobError) Error() string {
	if e.Job.Error != nil {
		return fmt.Sprintf("job %s %s: %s: %s", e.Job.JobID, e.Job.Status, e.Job.Error.Error, e.Job.Error.Message)
	}
	return fmt.Sprintf("job %s %s", e.Job.JobID, e.Job.Status)
}
