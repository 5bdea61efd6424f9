package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
)

// Invoke lets one service use another's route for the same tenant, with the
// validation and the answer that a caller over HTTP would get. It takes no
// slot of its own: the outer call already holds one.
func (s *Shell) Invoke(ctx context.Context, outer *service.Call, method, path string, body any) (json.RawMessage, error) {
	bound, values := s.match(method, path)
	if bound == nil {
		return nil, api.NotFound("not_found", "no service here answers %s %s", method, path)
	}
	if err := s.ready(bound.host); err != nil {
		return nil, err
	}
	inner := &service.Call{Tenant: outer.Tenant, Tier: outer.Tier, RequestID: outer.RequestID, Path: values}
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("writing the arguments of %s: %w", path, err)
		}
		inner.Body = raw
	}
	answer, err := s.run(ctx, bound, inner)
	if err != nil {
		return nil, err
	}
	complete(inner, answer)
	out, err := json.Marshal(answer)
	if err != nil {
		return nil, fmt.Errorf("writing the answer of %s: %w", path, err)
	}
	return out, nil
}

// match finds the route of a concrete path.
func (s *Shell) match(method, path string) (*boundRoute, map[string]string) {
	if methods, ok := s.routes[path]; ok {
		return methods[method], map[string]string{}
	}
	parts := strings.Split(path, "/")
	for pattern, methods := range s.routes {
		if values, ok := matchPattern(strings.Split(pattern, "/"), parts); ok && methods[method] != nil {
			return methods[method], values
		}
	}
	return nil, nil
}

func matchPattern(pattern, parts []string) (map[string]string, bool) {
	if len(pattern) != len(parts) {
		return nil, false
	}
	values := map[string]string{}
	for i, p := range pattern {
		switch {
		case strings.HasPrefix(p, "{"):
			values[strings.Trim(p, "{}")] = parts[i]
		case p != parts[i]:
			return nil, false
		}
	}
	return values, true
}
