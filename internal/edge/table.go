package edge

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/config"
)

// entry is one path and method of the gateway.
type entry struct {
	method  string
	pattern string
	// public entries need no key.
	public bool
	// master entries take the master key only.
	master bool
	// shownOnce entries answer with a secret, which is kept nowhere: not for
	// the repetition of an Idempotency-Key either.
	shownOnce bool
	scope     string
	units     int
	// handle answers the entry here; nil sends it to a worker as route says.
	handle Handler
	route  config.Route
	// worker is the worker's path, if the pattern has no wildcards.
	worker string
	// usual are the series of the entry's 200s, once there was one.
	usual atomic.Pointer[series]
	// generation tells the entry from one of the same name that the configuration
	// had before it and that did something else.
	generation uint64
	// version is what workers said last of the models behind the route;
	// repeatable that they said something, so that answers can be shared.
	version    atomic.Pointer[string]
	repeatable atomic.Bool
}

// table finds the entry of a request. It is built once and only read.
type table struct {
	exact    map[string][]*entry // full path without wildcards → one entry a method
	patterns []*pattern
	byName   map[string]*entry
}

type pattern struct {
	segments []string
	prefix   bool // the pattern ends in /* and matches everything below
	entries  []*entry
}

// internal is the worker's path for the public one, which e has matched.
func (e *entry) internal(path string) string {
	if e.worker != "" {
		return e.worker
	}
	return api.InternalPrefix + path
}

func newTable(entries []*entry) (*table, error) {
	t := &table{exact: map[string][]*entry{}, byName: make(map[string]*entry, len(entries))}
	for _, e := range entries {
		if err := t.add(e); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (e *entry) name() string { return e.method + " " + e.pattern }

func (t *table) add(e *entry) error {
	t.byName[e.name()] = e
	if !strings.ContainsAny(e.pattern, "{*") {
		for _, other := range t.exact[e.pattern] {
			if other.method == e.method {
				return fmt.Errorf("edge: %s %s stands twice", e.method, e.pattern)
			}
		}
		if e.handle == nil && e.worker == "" { // an entry that is kept has it, and is read meanwhile
			e.worker = api.InternalPrefix + e.pattern
		}
		t.exact[e.pattern] = append(t.exact[e.pattern], e)
		return nil
	}
	name, prefix := strings.CutSuffix(e.pattern, "/*")
	segments := strings.Split(name, "/")[1:]
	for _, p := range t.patterns {
		if p.prefix == prefix && slices.Equal(p.segments, segments) {
			p.entries = append(p.entries, e)
			return nil
		}
	}
	t.patterns = append(t.patterns, &pattern{segments: segments, prefix: prefix, entries: []*entry{e}})
	return nil
}

// find returns the entries of a path, one a method, and the wildcards' values.
// No entry means an unknown path.
func (t *table) find(path string) ([]*entry, map[string]string) {
	if found, ok := t.exact[path]; ok {
		return found, nil
	}
	segments := strings.Split(path, "/")[1:]
	for _, p := range t.patterns {
		if values, ok := p.match(segments); ok {
			return p.entries, values
		}
	}
	return nil, nil
}

func (p *pattern) match(segments []string) (map[string]string, bool) {
	if len(segments) < len(p.segments) || (!p.prefix && len(segments) != len(p.segments)) || (p.prefix && len(segments) == len(p.segments)) {
		return nil, false
	}
	values := map[string]string{}
	for i, want := range p.segments {
		switch {
		case strings.HasPrefix(want, "{"):
			if !validSegment(segments[i]) {
				return nil, false
			}
			values[strings.Trim(want, "{}")] = segments[i]
		case want != segments[i]:
			return nil, false
		}
	}
	return values, true
}

// pick chooses the entry for a method; HEAD is served by GET's.
func pick(entries []*entry, method string) *entry {
	for _, e := range entries {
		if e.method == method || e.method == "*" || (method == http.MethodHead && e.method == http.MethodGet) {
			return e
		}
	}
	return nil
}

// allowed lists the methods of a path for the Allow header.
func allowed(entries []*entry) string {
	methods := make([]string, 0, len(entries)+1)
	for _, e := range entries {
		methods = append(methods, e.method)
		if e.method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}
