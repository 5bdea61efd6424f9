package state_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/state"
)

func open(t *testing.T) *state.Store {
	t.Helper()
	s, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestRecordsAreIsolatedByTenant(t *testing.T) {
	t.Parallel()
	ctx, s := t.Context(), open(t)
	if err := s.Put(ctx, "a", "items", state.Record{ID: "1", Value: []byte("of a")}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(ctx, "b", "items", "1"); !errors.Is(err, state.ErrNotFound) {
		t.Fatalf("tenant b reads tenant a's record: %v", err)
	}
	if n, err := s.Delete(ctx, "b", "items", "1"); err != nil || n != 0 {
		t.Fatalf("tenant b deleted %d of tenant a's records (%v)", n, err)
	}
	if err := s.Each(ctx, "b", "items", func(r state.Record) error { return fmt.Errorf("b sees %s", r.ID) }); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Get(ctx, "a", "items", "1"); err != nil || string(v) != "of a" {
		t.Fatalf("got %q, %v", v, err)
	}
}

func TestAppendIsIdempotentByEventID(t *testing.T) {
	t.Parallel()
	ctx, s := t.Context(), open(t)
	for i, want := range []int{2, 1} {
		added, err := s.Append(ctx, "a", "clicks", state.Event{ID: "x", Value: []byte("1")}, state.Event{ID: fmt.Sprint(i), Value: []byte("2")})
		if err != nil || added != want {
			t.Fatalf("round %d: added %d, want %d (%v)", i, added, want, err)
		}
	}
	if err := s.Trim(ctx, "a", "clicks", 1); err != nil {
		t.Fatal(err)
	}
	newest, err := s.Newest(ctx, "a", "clicks", 9)
	if err != nil || len(newest) != 1 || newest[0].ID != "1" {
		t.Fatalf("after trim: %v, %v", newest, err)
	}
}

func TestModelVersions(t *testing.T) {
	t.Parallel()
	ctx, s := t.Context(), open(t)
	for v := 1; v <= 2; v++ {
		got, err := s.SaveModel(ctx, "a", state.Model{Name: "churn", Kind: "churn", Meta: []byte(`{}`), Artifact: fmt.Append(nil, "weights", v)}, true)
		if err != nil || got != v {
			t.Fatalf("version %d, want %d (%v)", got, v, err)
		}
	}
	m, err := s.PromotedModel(ctx, "a", "churn")
	if err != nil || m.Version != 2 || string(m.Artifact) != "weights2" {
		t.Fatalf("promoted %d %q (%v)", m.Version, m.Artifact, err)
	}
	if err := s.Promote(ctx, "a", "churn", 1); err != nil {
		t.Fatal(err)
	}
	if m, err = s.PromotedModel(ctx, "a", "churn"); err != nil || m.Version != 1 {
		t.Fatalf("after rollback: %d (%v)", m.Version, err)
	}
	if err := s.Promote(ctx, "b", "churn", 1); !errors.Is(err, state.ErrNotFound) {
		t.Fatalf("tenant b promotes tenant a's model: %v", err)
	}
	if err := s.Promote(ctx, "a", "churn", 9); !errors.Is(err, state.ErrNotFound) {
		t.Fatalf("a version that is not there: %v", err)
	}
	if m, err = s.PromotedModel(ctx, "a", "churn"); err != nil || m.Version != 1 {
		t.Fatalf("a failed promotion left %d promoted (%v)", m.Version, err)
	}
}

func TestResidentStaysWithinItsBudget(t *testing.T) {
	t.Parallel()
	builds := 0
	r := state.NewResident("test", 100, slog.New(slog.NewTextHandler(io.Discard, nil)),
		func(_ context.Context, tenant string) (string, int64, error) {
			builds++
			if tenant == "bad" {
				return "", 0, errors.New("cannot build")
			}
			return tenant, 40, nil
		})
	for _, tenant := range []string{"a", "b", "a", "c", "a", "b"} {
		if v, err := r.Get(t.Context(), tenant); err != nil || v != tenant {
			t.Fatalf("%s: %q, %v", tenant, v, err)
		}
	}
	if _, _, values, bytes := r.Stats(); values != 2 || bytes != 80 || builds != 4 {
		t.Fatalf("%d values, %d bytes, %d builds; want 2, 80, 4", values, bytes, builds)
	}
	for range 2 {
		if _, err := r.Get(t.Context(), "bad"); err == nil {
			t.Fatal("a failed build was answered")
		}
	}
	r.Resize("b", 90)
	if _, _, values, bytes := r.Stats(); values != 1 || bytes != 90 {
		t.Fatalf("after growth: %d values, %d bytes", values, bytes)
	}
	r.Forget("b")
	if _, _, values, bytes := r.Stats(); values != 0 || bytes != 0 {
		t.Fatalf("after forget: %d values, %d bytes", values, bytes)
	}
}

func TestOldVersionsLeaveButNotThePromotedOne(t *testing.T) {
	t.Parallel()
	ctx, s := t.Context(), open(t)
	for v := 1; v <= state.KeptVersions+5; v++ {
		if _, err := s.SaveModel(ctx, "a", state.Model{Name: "m", Kind: "k", Meta: []byte(`{}`), Artifact: []byte("x")}, v == 2); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.Models(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != state.KeptVersions+1 || list[len(list)-1].Version != 2 || list[0].Version != state.KeptVersions+5 {
		t.Fatalf("%d versions kept, from %d to %d", len(list), list[len(list)-1].Version, list[0].Version)
	}
}
