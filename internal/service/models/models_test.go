package models_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/service/models"
	"github.com/omni-run/omni/internal/state"
)

// echo keeps the spec as the artefact and answers the meta it was given.
type echo struct{ kind, meta string }

func (e echo) Kind() string { return e.kind }

func (e echo) Train(_ context.Context, _ string, spec json.RawMessage, progress func(float64)) ([]byte, json.RawMessage, error) {
	progress(0.5)
	if string(spec) == `"bad"` {
		return nil, nil, api.Unprocessable("bad_spec", "no")
	}
	progress(1)
	return spec, json.RawMessage(e.meta), nil
}

type bundle struct {
	s       *models.Service
	store   *state.Store
	changed []string
}

func setup(t *testing.T) *bundle {
	t.Helper()
	store, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bundle{store: store}
	b.s = models.New(models.Deps{
		Store: store, MaxVersions: 6, Changed: func(tenant, name string) { b.changed = append(b.changed, tenant+"/"+name) },
		Trainers: []models.Trainer{echo{"good", `{"auc":0.8}`}, echo{"worse", `{"better_than_incumbent":false}`}},
	})
	return b
}

// do calls a route by its pattern; name fills the wildcard.
func (b *bundle) do(t *testing.T, tenant, pattern, name, body string) (any, *service.Call, error) {
	t.Helper()
	for _, r := range b.s.Routes() {
		if r.Path == pattern {
			call := &service.Call{Tenant: tenant, Body: []byte(body), Path: map[string]string{"name": name}}
			res, err := r.Handler(t.Context(), call)
			return res, call, err
		}
	}
	t.Fatalf("no route %s", pattern)
	return nil, nil, nil
}

func (b *bundle) model(t *testing.T, pattern, name, body string) *api.ModelAnswer {
	t.Helper()
	res, _, err := b.do(t, "a", pattern, name, body)
	if err != nil {
		t.Fatal(err)
	}
	return res.(*api.ModelAnswer)
}

func TestTrainPromoteRollBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const train, promote, rollback = "/models/train", "/models/{name}/promote", "/models/{name}/rollback"
	for v := 1; v <= 3; v++ {
		m := b.model(t, train, "", `{"kind":"good","spec":{}}`)
		if m.Version != v || !m.Promoted || m.Previous != v-1 || m.ModelStatus != "promoted" || string(m.Meta) != `{"auc":0.8}` {
			t.Fatalf("%+v", m)
		}
	}
	for _, step := range []struct {
		pattern, body     string
		version, previous int
	}{
		{rollback, ``, 2, 3},
		{rollback, `{}`, 1, 2},
		{rollback, ``, 3, 1}, // nothing older is left: the newest archived
		{promote, `{"version":1}`, 1, 3},
		{promote, `{"version":3}`, 3, 1},
	} {
		m := b.model(t, step.pattern, "good", step.body)
		if m.Version != step.version || m.Previous != step.previous || !m.Promoted {
			t.Fatalf("%s %s: %+v, want %d after %d", step.pattern, step.body, m.ModelInfo, step.version, step.previous)
		}
	}
	if len(b.changed) != 8 || b.changed[0] != "a/good" {
		t.Fatalf("changes told: %v", b.changed)
	}
	res, _, err := b.do(t, "a", "/models", "", "")
	if err != nil {
		t.Fatal(err)
	}
	list := res.(*api.ModelsAnswer)
	if list.Count != 3 || list.Models[0].Version != 3 || !slices.Equal(list.Kinds, []string{"good", "worse"}) {
		t.Fatalf("%+v", list)
	}
	res, _, err = b.do(t, "b", "/models", "", "")
	if err != nil || res.(*api.ModelsAnswer).Count != 0 || res.(*api.ModelsAnswer).Models == nil {
		t.Fatalf("tenant b sees %+v (%v)", res, err)
	}
}

func TestATrainersAdviceAndTheCallersWord(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if m := b.model(t, "/models/train", "", `{"kind":"worse","spec":1}`); m.Promoted || m.ModelStatus != "candidate" {
		t.Fatalf("%+v", m)
	}
	if m := b.model(t, "/models/train", "", `{"kind":"worse","spec":1,"promote":true}`); !m.Promoted {
		t.Fatalf("%+v", m)
	}
	if m := b.model(t, "/models/train", "", `{"kind":"good","spec":1,"promote":false,"name":"other"}`); m.Promoted || m.Name != "other" {
		t.Fatalf("%+v", m)
	}
	if !slices.Equal(b.changed, []string{"a/worse"}) {
		t.Fatalf("changes told: %v", b.changed)
	}
}

func TestProgressReachesTheCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var seen []float64
	call := &service.Call{Tenant: "a", Body: []byte(`{"kind":"good","spec":1}`), OnProgress: func(f float64) { seen = append(seen, f) }}
	if _, err := b.s.Routes()[1].Handler(t.Context(), call); err != nil || !slices.Equal(seen, []float64{0.5, 1}) {
		t.Fatalf("progress %v (%v)", seen, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.model(t, "/models/train", "", `{"kind":"good","spec":1}`)
	for _, c := range []struct {
		pattern, name, body string
		status              int
		code                string
	}{
		{"/models/train", "", `{"kind":"magic","spec":1}`, 422, "unknown_kind"},
		{"/models/train", "", `{"kind":"good"}`, 422, "missing_spec"},
		{"/models/train", "", `{"kind":"good","spec":1,"name":"../x"}`, 422, "bad_name"},
		{"/models/train", "", `{"kind":"good","spec":"bad"}`, 422, "bad_spec"},
		{"/models/train", "", `{"kind":"good","spec":1,"x":1}`, 400, "unknown_field"},
		{"/models/{name}/promote", "none", `{"version":1}`, 404, "unknown_model"},
		{"/models/{name}/promote", "good", `{"version":7}`, 404, "unknown_version"},
		{"/models/{name}/promote", "good", `{}`, 422, "bad_version"},
		{"/models/{name}/rollback", "none", ``, 404, "unknown_model"},
		{"/models/{name}/rollback", "good", ``, 409, "nothing_to_roll_back"},
		{"/models/{name}/rollback", "good", `{"to":1}`, 400, "unknown_field"},
	} {
		_, _, err := b.do(t, "a", c.pattern, c.name, c.body)
		var e *api.Error
		if !errors.As(err, &e) || e.HTTP != c.status || e.Code != c.code {
			t.Errorf("%s %s %s: %v, want %d %s", c.pattern, c.name, c.body, err, c.status, c.code)
		}
	}
	if _, _, err := b.do(t, "b", "/models/{name}/promote", "good", `{"version":1}`); err == nil {
		t.Error("tenant b promotes tenant a's model")
	}
	for range 5 {
		b.model(t, "/models/train", "", `{"kind":"good","spec":1}`)
	}
	var e *api.Error
	if _, _, err := b.do(t, "a", "/models/train", "", `{"kind":"good","spec":1}`); !errors.As(err, &e) || e.Code != "too_many_versions" {
		t.Errorf("past the limit: %v", err)
	}
}
