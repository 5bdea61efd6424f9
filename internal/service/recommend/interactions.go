package recommend

import (
	"context"
	"fmt"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/state"
)

func (s *Service) putInteractions(ctx context.Context, call *service.Call, req *api.RecommendInteractionsRequest) (*api.RecommendInteractionsAnswer, error) {
	if err := count("interactions", len(req.Interactions), 1, maxEventsPerCall); err != nil {
		return nil, err
	}
	now, nameless := s.Now(), 0
	events := make([]state.Event, len(req.Interactions))
	for i := range req.Interactions {
		in, err := checkInteraction(fmt.Sprintf("interactions[%d]", i), &req.Interactions[i], now)
		if err != nil {
			return nil, err
		}
		if req.Interactions[i].EventID == "" {
			nameless++
		}
		events[i] = state.Event{ID: req.Interactions[i].EventID, Value: in.encode()}
	}
	if nameless > 0 {
		call.Warn("%d interactions bear no event_id: sent again, they count twice", nameless)
	}
	defer s.lockWrites(call.Tenant)()
	added, err := s.Store.Append(ctx, call.Tenant, eventStream, events...)
	if err != nil {
		return nil, err
	}
	answer := &api.RecommendInteractionsAnswer{Added: added, Duplicates: len(events) - added}
	err = s.written(ctx, call.Tenant, func(t *tenant) error {
		for i := range req.Interactions {
			if !t.knows(req.Interactions[i].ItemID) {
				answer.UnknownItems++
			}
		}
		err := s.catchUp(ctx, call.Tenant, t)
		answer.Interactions = t.events
		return err
	})
	if err != nil {
		return nil, err
	}
	if answer.UnknownItems > 0 {
		call.Warn("%d interactions name items that are not in the catalogue: they are kept and learnt from, but such an item is recommended only once POST /recommend/items has described it",
			answer.UnknownItems)
	}
	return answer, s.trim(ctx, call, answer)
}

// trim drops the oldest tenth once a tenant holds more than it may.
func (s *Service) trim(ctx context.Context, call *service.Call, answer *api.RecommendInteractionsAnswer) error {
	if answer.Interactions <= s.MaxInteractions {
		return nil
	}
	keep := s.MaxInteractions - s.MaxInteractions/10
	if err := s.Store.Trim(ctx, call.Tenant, eventStream, keep); err != nil {
		return err
	}
	s.tenants.Forget(call.Tenant)
	call.Warn("more than %d interactions: the oldest were dropped, %d are kept", s.MaxInteractions, keep)
	answer.Interactions = keep
	return nil
}
