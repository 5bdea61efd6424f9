// Package tool is a registry of typed tools: what a planner, a model or an
// agent may do, each with a name, a description, a JSON Schema of its
// arguments and a function that does it. Running one checks the arguments
// first, bounds its time and the size of what it returns.
package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sort"
	"time"

	"github.com/omni-run/omni/internal/service"
)

// Invoker runs another service's route for the tenant of the call, with the
// same validation as over HTTP.
type Invoker interface {
	Invoke(ctx context.Context, call *service.Call, method, path string, body any) (json.RawMessage, error)
}

// Invoke is an Invoker bound to one call, all that a tool sees of it.
type Invoke func(ctx context.Context, method, path string, body any) (json.RawMessage, error)

// Bind fixes the call, and with it the tenant, for the tools that run in it.
func Bind(invoker Invoker, call *service.Call) Invoke {
	return func(ctx context.Context, method, path string, body any) (json.RawMessage, error) {
		if invoker == nil {
			return nil, errors.New("tool: no other service can be reached from here")
		}
		return invoker.Invoke(ctx, call, method, path, body)
	}
}

// Tool is one thing that can be done.
type Tool struct {
	// Name is unique within a registry: letters, digits and underscores.
	Name string
	// Description says what it does, in the words a request would use.
	Description string
	// Triggers are words or phrases that ask for this tool by themselves.
	Triggers []string
	// Parameters describes the arguments, an object.
	Parameters *Schema
	// Gives names the fields of the result, for planners.
	Gives []string
	// Cost is the planner's price of one call; a local computation is 1.
	Cost float64
	// Effect is true when a call changes what the tenant stored.
	Effect bool
	// Timeout bounds one call; 0 takes the registry's.
	Timeout time.Duration
	// Call does it. The arguments fit Parameters.
	Call func(ctx context.Context, invoke Invoke, arguments map[string]any) (map[string]any, error)
}

// Registry is a fixed set of tools. It is safe for concurrent use.
type Registry struct {
	byName   map[string]*Tool
	names    []string
	timeout  time.Duration
	maxBytes int
}

// ErrUnknown says that no tool has this name.
var ErrUnknown = errors.New("tool: unknown")

// ErrTooLarge says that a tool returned more than the registry lets through.
var ErrTooLarge = errors.New("tool: result too large")

// NewRegistry makes a registry; timeout (0: 20 s) bounds each call, maxBytes
// (0: 8 MiB) what a call may return. It panics on a tool without name, schema
// or function and on a name given twice.
func NewRegistry(timeout time.Duration, maxBytes int, tools ...Tool) *Registry {
	if timeout <= 0 {
		timeout = 20 * time.Second
	}
	if maxBytes <= 0 {
		maxBytes = 8 << 20
	}
	r := &Registry{byName: map[string]*Tool{}, timeout: timeout, maxBytes: maxBytes}
	for i := range tools {
		t := &tools[i]
		if t.Name == "" || t.Parameters == nil || t.Call == nil {
			panic("tool: a tool needs a name, a schema and a function: " + t.Name)
		}
		if r.byName[t.Name] != nil {
			panic("tool: registered twice: " + t.Name)
		}
		r.byName[t.Name] = t
		r.names = append(r.names, t.Name)
	}
	sort.Strings(r.names)
	return r
}

// Names returns the tools' names in order.
func (r *Registry) Names() []string { return r.names }

// Get returns a tool, or nil.
func (r *Registry) Get(name string) *Tool { return r.byName[name] }

// Check tells whether the arguments fit the tool, without running it.
func (r *Registry) Check(name string, arguments map[string]any) error {
	t := r.byName[name]
	if t == nil {
		return fmt.Errorf("%w: %s", ErrUnknown, name)
	}
	return t.Parameters.Check(arguments)
}

// Run checks the arguments and calls the tool.
func (r *Registry) Run(ctx context.Context, invoke Invoke, name string, arguments map[string]any) (map[string]any, error) {
	if err := r.Check(name, arguments); err != nil {
		return nil, err
	}
	t := r.byName[name]
	timeout := t.Timeout
	if timeout <= 0 {
		timeout = r.timeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	bounded := func(ctx context.Context, method, path string, body any) (json.RawMessage, error) {
		raw, err := invoke(ctx, method, path, body)
		if err == nil && len(raw) > r.maxBytes {
			return nil, fmt.Errorf("%w: %s answered %d bytes, at most %d are taken", ErrTooLarge, path, len(raw), r.maxBytes)
		}
		return raw, err
	}
	result, err := guarded(ctx, t, bounded, arguments)
	if err != nil {
		if ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, fmt.Errorf("%s did not finish within %s: %w", name, timeout, context.DeadlineExceeded)
		}
		return nil, err
	}
	return result, nil
}

// guarded turns a panic into an error: tools run in goroutines of their own,
// where a panic would end the process.
func guarded(ctx context.Context, t *Tool, invoke Invoke, arguments map[string]any) (result map[string]any, err error) {
	defer func() {
		if p := recover(); p != nil {
			result, err = nil, fmt.Errorf("tool %s panicked: %v\n%s", t.Name, p, debug.Stack())
		}
	}()
	return t.Call(ctx, invoke, arguments)
}
