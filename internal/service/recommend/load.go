package recommend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/state"
)

// load builds a tenant's value from the store.
func (s *Service) load(ctx context.Context, name string) (*tenant, int64, error) {
	t := newTenant()
	err := s.Store.Each(ctx, name, itemCollection, func(r state.Record) error {
		var in api.RecommendItem
		if err := json.Unmarshal(r.Value, &in); err != nil {
			return fmt.Errorf("reading item %q: %w", r.ID, err)
		}
		t.putItem(&in, s.embed(itemText(&in)))
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	if err := s.catchUp(ctx, name, t); err != nil {
		return nil, 0, err
	}
	saved, err := s.Store.PromotedModel(ctx, name, modelName)
	switch {
	case errors.Is(err, state.ErrNotFound):
	case err != nil:
		return nil, 0, err
	default:
		a, err := decodeArtifact(saved.Artifact)
		if err != nil {
			// The rest works without it, and training anew mends it.
			s.Log.Error("a stored recommendation model cannot be read", "tenant", name, "version", saved.Version, "err", err)
			break
		}
		t.model = t.bind(a, saved.Version)
	}
	return t, t.bytesLocked(), nil
}

// catchUp applies the events that the store holds beyond what t has seen.
func (s *Service) catchUp(ctx context.Context, name string, t *tenant) error {
	return s.Store.EachEvent(ctx, name, eventStream, t.lastSeq, func(e state.Event) error {
		in, err := decodeInteraction(e.Value)
		if err != nil {
			return fmt.Errorf("event %q: %w", e.ID, err)
		}
		t.apply(in)
		t.lastSeq = e.Seq
		return nil
	})
}

// itemText is what an item's embedding is made of.
func itemText(in *api.RecommendItem) string {
	parts := append([]string{in.Title, in.Category}, in.Tags...)
	return strings.Join(append(parts, in.Text, in.Description), " ")
}

func (s *Service) embed(text string) vector { return quantize(s.embedFull(text)) }

func (s *Service) embedFull(text string) []float32 {
	if s.Embedder == nil || strings.TrimSpace(text) == "" {
		return nil
	}
	return s.Embedder.Embed(text, make([]float32, s.Embedder.Dim()))
}
