// Package service is what every capability has in common: how it is loaded,
// which routes it answers, and what it is told about a call. The capabilities
// themselves are the packages below this one; none of them knows HTTP.
package service

import (
	"context"
	"fmt"
	"net/url"
	"sync"
)

// Service is one capability of a worker.
type Service interface {
	// Name is the key under which /internal/health reports readiness and to
	// which the gateway's route table refers, such as "forecast".
	Name() string
	// Load makes the service ready: weights, indexes. It is called once, in
	// the background, side by side with the other services.
	Load(ctx context.Context) error
	// Routes lists what the service answers. It is called before Load.
	Routes() []Route
}

// Route is one path a service answers.
type Route struct {
	Method string
	// Path is the public path, such as "/predict/churn"; the worker serves it
	// below /internal. It may hold wildcards: "/models/{name}/promote".
	Path string
	// Model is the model_type label of the inference metrics, or "" for a
	// route that runs no model.
	Model   string
	Handler Handler
	// Repeatable says that the answer follows from the body alone, and from
	// what ModelVersion tells where the service has one.
	Repeatable bool
}

// Versioned is a service whose answers depend on models that a tenant can
// change.
type Versioned interface {
	// ModelVersion names the models that would answer the tenant now.
	ModelVersion(ctx context.Context, tenant string) (string, error)
}

// Handler answers one call. An *api.Error reaches the caller as it is; any
// other error is logged and answered as internal.
type Handler func(ctx context.Context, call *Call) (any, error)

// Call is what the gateway vouches for about one request.
type Call struct {
	Tenant    string
	Tier      string
	RequestID string
	// Body is the raw request body, already limited in size.
	Body  []byte
	Query url.Values
	// Path holds the values of the route's wildcards.
	Path map[string]string
	// OnProgress, when set, receives the share of the work done so far.
	OnProgress func(fraction float64)

	mu       sync.Mutex
	warnings []string
	once     bool
}

// Once says of a route that is repeatable that this answer is not: the clock,
// for one, had a say in it.
func (c *Call) Once() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.once = true
}

// Repeatable reports whether Once was never called.
func (c *Call) Repeatable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.once
}

// Progress reports the share of the work done, between 0 and 1.
func (c *Call) Progress(fraction float64) {
	if c.OnProgress != nil {
		c.OnProgress(fraction)
	}
}

// Warn adds a line to the answer's warnings. Safe for concurrent use.
func (c *Call) Warn(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.warnings = append(c.warnings, fmt.Sprintf(format, args...))
}

// Warnings returns what Warn collected; never nil.
func (c *Call) Warnings() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string{}, c.warnings...)
}
