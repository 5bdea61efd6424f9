package recommend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/state"
)

func (s *Service) putItems(ctx context.Context, call *service.Call, req *api.RecommendItemsRequest) (*api.RecommendItemsAnswer, error) {
	records, vectors, err := s.readItems(req.Items)
	if err != nil {
		return nil, err
	}
	defer s.lockWrites(call.Tenant)()
	t, err := s.tenants.Get(ctx, call.Tenant)
	if err != nil {
		return nil, err
	}
	answer := &api.RecommendItemsAnswer{}
	t.mu.RLock()
	seen := map[string]bool{}
	for i := range req.Items {
		id := req.Items[i].ItemID
		if t.knows(id) || seen[id] {
			answer.Updated++
		} else {
			answer.Added++
		}
		seen[id] = true
	}
	total := t.catalogued + answer.Added
	t.mu.RUnlock()
	if total > s.MaxItems {
		return nil, api.Unprocessable("catalogue_full", "the catalogue would hold %d items; the limit is %d; delete some first", total, s.MaxItems).
			At("items", "%d too many", total-s.MaxItems)
	}
	if err := s.Store.Put(ctx, call.Tenant, itemCollection, records...); err != nil {
		return nil, err
	}
	err = s.written(ctx, call.Tenant, func(t *tenant) error {
		for i := range req.Items {
			t.putItem(&req.Items[i], vectors[i])
		}
		answer.Items = t.catalogued
		return nil
	})
	return answer, err
}

// readItems checks the items and makes their records and embeddings.
func (s *Service) readItems(items []api.RecommendItem) ([]state.Record, []vector, error) {
	if err := count("items", len(items), 1, maxItemsPerCall); err != nil {
		return nil, nil, err
	}
	records, vectors := make([]state.Record, len(items)), make([]vector, len(items))
	for i := range items {
		if err := checkItem(fmt.Sprintf("items[%d]", i), &items[i]); err != nil {
			return nil, nil, err
		}
		value, err := json.Marshal(&items[i])
		if err != nil {
			return nil, nil, fmt.Errorf("encoding an item: %w", err)
		}
		records[i] = state.Record{ID: items[i].ItemID, Value: value}
	}
	for i := range items {
		vectors[i] = s.embed(itemText(&items[i]))
	}
	return records, vectors, nil
}

func (s *Service) deleteItems(ctx context.Context, call *service.Call, req *api.RecommendDeleteRequest) (*api.RecommendDeleteAnswer, error) {
	if err := firstOf(count("item_ids", len(req.ItemIDs), 1, maxItemsPerCall), idList("item_ids", req.ItemIDs, maxItemsPerCall)); err != nil {
		return nil, err
	}
	defer s.lockWrites(call.Tenant)()
	n, err := s.Store.Delete(ctx, call.Tenant, itemCollection, req.ItemIDs...)
	if err != nil {
		return nil, err
	}
	answer := &api.RecommendDeleteAnswer{Deleted: n}
	err = s.written(ctx, call.Tenant, func(t *tenant) error {
		for _, id := range req.ItemIDs {
			t.clearItem(id)
		}
		answer.Items = t.catalogued
		return nil
	})
	return answer, err
}

// Page sizes of listItems.
const (
	defaultPage = 100
	maxPage     = 1_000
)

var errPageFull = errors.New("the page is full")

func (s *Service) listItems(ctx context.Context, call *service.Call) (*api.RecommendCatalogAnswer, error) {
	limit := defaultPage
	if text := call.Query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPage {
			return nil, api.Unprocessable("out_of_range", "limit is %.64q; it takes 1 to %d", text, maxPage).At("limit", "is %.64q", text)
		}
		limit = n
	}
	after := call.Query.Get("after")
	if err := length("after", after, maxIDLength); err != nil {
		return nil, err
	}
	t, err := s.tenants.Get(ctx, call.Tenant)
	if err != nil {
		return nil, err
	}
	answer := &api.RecommendCatalogAnswer{Items: []api.RecommendItem{}}
	t.mu.RLock()
	answer.Total = t.catalogued
	t.mu.RUnlock()
	err = s.Store.Each(ctx, call.Tenant, itemCollection, func(r state.Record) error {
		if r.ID <= after {
			return nil
		}
		if len(answer.Items) == limit {
			answer.Next = answer.Items[limit-1].ItemID
			return errPageFull
		}
		var it api.RecommendItem
		if err := json.Unmarshal(r.Value, &it); err != nil {
			return fmt.Errorf("reading item %q: %w", r.ID, err)
		}
		answer.Items = append(answer.Items, it)
		return nil
	})
	if err != nil && !errors.Is(err, errPageFull) {
		return nil, err
	}
	return answer, nil
}
