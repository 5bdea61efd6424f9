package vectors

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/state"
)

// Limits of one call.
const (
	maxItemsPerCall  = 1000
	maxTextBytes     = 32 << 10
	maxIDBytes       = 256
	maxMetadataBytes = 16 << 10
	maxTopK          = 1000
	defaultTopK      = 5
)

func (s *Service) upsert(ctx context.Context, call *service.Call, req *api.VectorsUpsertRequest) (*api.VectorsUpsertAnswer, error) {
	if err := checkItems(req.Items); err != nil {
		return nil, err
	}
	entries, records := make([]entry, len(req.Items)), make([]state.Record, len(req.Items))
	ids := make([]string, len(req.Items))
	for i, item := range req.Items {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		value, err := json.Marshal(stored{item.Text, item.Metadata})
		if err != nil {
			return nil, fmt.Errorf("writing an item: %w", err)
		}
		if entries[i], err = s.entry(item.ID, item.Text, item.Metadata); err != nil {
			return nil, err
		}
		records[i], ids[i] = state.Record{ID: item.ID, Value: value}, item.ID
	}
	unlock, err := s.lock(ctx, call.Tenant)
	if err != nil {
		return nil, err
	}
	defer unlock()
	ix, err := s.indexes.Get(ctx, call.Tenant)
	if err != nil {
		return nil, err
	}
	if after := ix.len() + len(ids) - ix.has(ids); after > s.deps.MaxItems {
		return nil, api.Unprocessable("too_many_items", "this would make %d items; a tenant may store %d: delete some first", after, s.deps.MaxItems).
			At("items", "%d more than fit", after-s.deps.MaxItems)
	}
	if err := s.deps.Store.Put(ctx, call.Tenant, collection, records...); err != nil {
		// It may have been committed all the same: read the truth next time.
		s.indexes.Forget(call.Tenant)
		return nil, err
	}
	count := 0
	err = s.change(ctx, call.Tenant, func(ix *index) { count = ix.upsert(entries) })
	return &api.VectorsUpsertAnswer{Upserted: len(req.Items), Count: count}, err
}

// change brings an index in line with what the store has just committed. The
// index is asked for again because it may have left memory meanwhile; a caller
// who hangs up now must not leave it behind.
func (s *Service) change(ctx context.Context, tenant string, f func(*index)) error {
	ix, err := s.indexes.Get(context.WithoutCancel(ctx), tenant)
	if err != nil {
		return err
	}
	f(ix)
	s.indexes.Resize(tenant, ix.size())
	return nil
}

func (s *Service) query(ctx context.Context, call *service.Call, req *api.VectorsQueryRequest) (*api.VectorsQueryAnswer, error) {
	if err := checkText("text", req.Text); err != nil {
		return nil, err
	}
	k := defaultTopK
	if req.TopK != nil {
		k = *req.TopK
	}
	if k < 1 || k > maxTopK {
		return nil, api.Unprocessable("invalid_top_k", "top_k is %d; it must be between 1 and %d", k, maxTopK).At("top_k", "out of range")
	}
	f, err := parseFilter(req.Filter)
	if err != nil {
		return nil, err
	}
	e, err := s.entry("", req.Text, nil)
	if err != nil {
		return nil, err
	}
	ix, err := s.indexes.Get(ctx, call.Tenant)
	if err != nil {
		return nil, err
	}
	answer := &api.VectorsQueryAnswer{Results: []api.VectorMatch{}, Model: modelName, Search: "exact"}
	if ix.len() == 0 {
		call.Warn("no items are stored yet: POST /vectors/upsert first")
		return answer, nil
	}
	if !known(e.vector) {
		call.Warn("no word of the text is known to the embedding; only words in common count")
	}
	hits, approximate := ix.query(e.vector, e.terms, f, k)
	if approximate {
		answer.Search = "approximate"
	}
	if len(hits) == 0 && len(f) > 0 {
		call.Warn("no item passes the filter")
	}
	for _, h := range hits {
		m, err := s.match(ctx, call.Tenant, h)
		if errors.Is(err, state.ErrNotFound) {
			continue // deleted since the search
		}
		if err != nil {
			return nil, err
		}
		answer.Results = append(answer.Results, m)
	}
	answer.Count = len(answer.Results)
	return answer, nil
}

func (s *Service) match(ctx context.Context, tenant string, h found) (api.VectorMatch, error) {
	value, err := s.deps.Store.Get(ctx, tenant, collection, h.id)
	if err != nil {
		return api.VectorMatch{}, err
	}
	var item stored
	if err := json.Unmarshal(value, &item); err != nil {
		return api.VectorMatch{}, fmt.Errorf("reading a stored item: %w", err)
	}
	return api.VectorMatch{
		ID: h.id, Score: round(h.score), Semantic: round(h.semantic), Lexical: round(h.lexical),
		Text: item.Text, Metadata: item.Metadata,
	}, nil
}

func (s *Service) remove(ctx context.Context, call *service.Call, req *api.VectorsDeleteRequest) (*api.VectorsDeleteAnswer, error) {
	if n := len(req.IDs); n == 0 || n > maxItemsPerCall {
		return nil, api.Unprocessable("invalid_ids", "ids has %d entries; send 1 to %d", n, maxItemsPerCall).At("ids", "%d entries", n)
	}
	for i, id := range req.IDs {
		if err := checkID(fmt.Sprintf("ids[%d]", i), id); err != nil {
			return nil, err
		}
	}
	unlock, err := s.lock(ctx, call.Tenant)
	if err != nil {
		return nil, err
	}
	defer unlock()
	deleted, err := s.deps.Store.Delete(ctx, call.Tenant, collection, req.IDs...)
	if err != nil {
		s.indexes.Forget(call.Tenant)
		return nil, err
	}
	answer := &api.VectorsDeleteAnswer{Deleted: deleted}
	return answer, s.change(ctx, call.Tenant, func(ix *index) { answer.Count = ix.remove(req.IDs) })
}

func checkItems(items []api.VectorItem) error {
	if n := len(items); n == 0 || n > maxItemsPerCall {
		return api.Unprocessable("invalid_items", "items has %d entries; send 1 to %d", n, maxItemsPerCall).At("items", "%d entries", n)
	}
	first := make(map[string]int, len(items))
	for i := range items {
		item, at := &items[i], fmt.Sprintf("items[%d]", i)
		if err := checkID(at+".id", item.ID); err != nil {
			return err
		}
		if j, ok := first[item.ID]; ok {
			return api.Unprocessable("duplicate_id", "%s.id is that of items[%d]; send each id once", at, j).At(at+".id", "duplicate")
		}
		first[item.ID] = i
		if err := checkText(at+".text", item.Text); err != nil {
			return err
		}
		if err := checkMetadata(at+".metadata", item); err != nil {
			return err
		}
	}
	return nil
}

func checkID(at, id string) error {
	if id == "" || len(id) > maxIDBytes || strings.ContainsFunc(id, unicode.IsControl) {
		return api.Unprocessable("invalid_id", "%s must be 1 to %d bytes without control characters", at, maxIDBytes).At(at, "invalid")
	}
	return nil
}

func checkText(at, s string) error {
	if strings.TrimSpace(s) == "" {
		return api.Unprocessable("empty_text", "%s is empty", at).At(at, "empty")
	}
	if len(s) > maxTextBytes {
		return api.Unprocessable("text_too_long", "%s has %d bytes; at most %d fit: split it", at, len(s), maxTextBytes).At(at, "too long")
	}
	return nil
}

// checkMetadata refuses what is not an object, and compacts what is.
func checkMetadata(at string, item *api.VectorItem) error {
	if len(item.Metadata) == 0 || string(item.Metadata) == "null" {
		item.Metadata = nil
		return nil
	}
	if !isObject(item.Metadata) {
		return api.Unprocessable("invalid_metadata", "%s must be a JSON object", at).At(at, "not an object")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, item.Metadata); err != nil {
		return api.Unprocessable("invalid_metadata", "%s must be a JSON object", at).At(at, "not JSON")
	}
	if compact.Len() > maxMetadataBytes {
		return api.Unprocessable("metadata_too_large", "%s has %d bytes; at most %d fit", at, compact.Len(), maxMetadataBytes).At(at, "too large")
	}
	item.Metadata = compact.Bytes()
	if _, err := parseFields(item.Metadata); err != nil {
		return api.Unprocessable("invalid_metadata", "%s holds a number no program can read", at).At(at, "%s", "number out of range").Because(err)
	}
	return nil
}

// known reports whether a vector points anywhere.
func known(v []float32) bool {
	for _, x := range v {
		if x != 0 {
			return true
		}
	}
	return false
}

// round keeps six digits: more would be noise of the int8 table.
func round(x float64) float64 {
	return math.Round(x*1e6) / 1e6
}
