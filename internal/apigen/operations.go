package main

import (
	"fmt"

	"github.com/omni-run/omni/internal/config"
)

// operation is one method of one path as callers see it.
type operation struct {
	Method, Path string
	Tag          string
	Summary      string
	// Notes go below the summary.
	Notes string
	// Request and Answer name types of package api; an empty Request takes no
	// body.
	Request, Answer string
	// Required lists the request fields without which the call is refused.
	Required []string
	// Example is a request body that works as it stands.
	Example string
	// Query lists query parameters and what each means.
	Query [][2]string
	// Public needs no key, Master the master key.
	Public, Master bool
	// Status of a success; default 200.
	Status int
	// own operations are the gateway's: they need no worker, so none becomes a
	// job or waits.
	own bool
	// ContentType of the answer; default JSON.
	ContentType string

	Scope string
	Units int
	Async bool
}

// allOperations joins the descriptions with the route table and fails when one
// of the two lacks an entry of the other.
func allOperations() ([]operation, error) {
	ops := workerOperations()
	for _, op := range gatewayOperations() {
		op.own = true
		ops = append(ops, op)
	}
	index := map[string]*operation{}
	for i := range ops {
		key := ops[i].Method + " " + ops[i].Path
		if index[key] != nil {
			return nil, fmt.Errorf("%s is described twice", key)
		}
		index[key] = &ops[i]
	}
	routed := map[string]bool{}
	for _, r := range (config.Config{}).WithDefaults().Routes {
		key := r.Method + " " + r.Path
		op := index[key]
		if op == nil {
			return nil, fmt.Errorf("%s is routed but not described", key)
		}
		op.Scope, op.Units, op.Async = r.Scope, r.Units, r.Async
		routed[key] = true
	}
	for _, op := range workerOperations() {
		if key := op.Method + " " + op.Path; !routed[key] {
			return nil, fmt.Errorf("%s is described but not routed", key)
		}
	}
	return ops, nil
}
