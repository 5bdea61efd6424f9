package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/omni-run/omni/internal/service"
)

// inProcess calls a service without a worker, a gateway or a network: the
// capabilities are libraries.
func inProcess[Res any](ctx context.Context, s service.Service, path string, req any) (res *Res, warnings []string, err error) {
	body, err := json.Marshal(req)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range s.Routes() {
		if r.Path != path {
			continue
		}
		call := &service.Call{Tenant: "local", Tier: "local", RequestID: "local", Body: body}
		answer, err := r.Handler(ctx, call)
		if err != nil {
			return nil, nil, err
		}
		res, ok := answer.(*Res)
		if !ok {
			return nil, nil, fmt.Errorf("%s answers %T", path, answer)
		}
		return res, call.Warnings(), nil
	}
	return nil, nil, fmt.Errorf("the %s service has no path %s", s.Name(), path)
}

// writeJSON prints an answer as the API would.
func (a *app) writeJSON(v any) error {
	enc := json.NewEncoder(a.Stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
