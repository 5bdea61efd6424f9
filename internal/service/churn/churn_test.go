package churn_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/service/churn"
	"github.com/omni-run/omni/internal/state"
	prior "github.com/omni-run/omni/models/churn"
)

type bundle struct {
	service *churn.Service
	store   *state.Store
	path    string
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{path: filepath.Join(t.TempDir(), "state.db")}
	b.open(t)
	t.Cleanup(func() {
		if err := b.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// open makes a service on the bundle's file, as a restarted worker would.
func (b *bundle) open(t *testing.T) {
	t.Helper()
	if b.store != nil {
		if err := b.store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if b.store, err = state.Open(t.Context(), b.path, time.Now); err != nil {
		t.Fatal(err)
	}
	b.service = churn.New(churn.Deps{Store: b.store, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: time.Now, Prior: prior.Prior()})
	if err := b.service.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func post[T any](t *testing.T, s *churn.Service, tenant, path, body string) (*T, []string, *api.Error) {
	t.Helper()
	for _, r := range s.Routes() {
		if r.Path != path {
			continue
		}
		call := &service.Call{Tenant: tenant, Body: []byte(body)}
		res, err := r.Handler(t.Context(), call)
		var e *api.Error
		if errors.As(err, &e) {
			return nil, nil, e
		}
		if err != nil {
			t.Fatal(err)
		}
		return res.(*T), call.Warnings(), nil
	}
	t.Fatalf("no route %s", path)
	return nil, nil, nil
}

func predict(t *testing.T, s *churn.Service, tenant, features string) (*api.ChurnAnswer, []string) {
	t.Helper()
	a, w, e := post[api.ChurnAnswer](t, s, tenant, "/predict/churn", `{"user_id":"u1","context":`+features+`}`)
	if e != nil {
		t.Fatalf("%s: %v", features, e)
	}
	if !(a.ChurnProbability >= 0 && a.ChurnProbability <= 1) || a.UserID != "u1" {
		t.Fatalf("%+v", a)
	}
	return a, w
}

func TestThePriorReadsSynonyms(t *testing.T) {
	t.Parallel()
	s := setup(t).service
	fresh, warnings := predict(t, s, "a", `{"days_since_last_purchase":3,"total_orders":20,"totalSpent":5000,"favourite_colour":"red"}`)
	gone, _ := predict(t, s, "a", `{"features":{"last_login_days":250,"purchase_count":1,"ltv":20}}`)
	if fresh.Model != "shipped prior" || fresh.ChurnProbability > 0.3 || gone.ChurnProbability < 0.5 || fresh.RiskLevel == gone.RiskLevel {
		t.Fatalf("fresh %v %s, gone %v %s", fresh.ChurnProbability, fresh.RiskLevel, gone.ChurnProbability, gone.RiskLevel)
	}
	said := strings.Join(warnings, "\n")
	if !strings.Contains(said, "favourite_colour") || !strings.Contains(said, "totalSpent as monetary") {
		t.Fatalf("warnings %q", said)
	}
	if d := gone.Drivers[0]; d.Contribution <= 0 || len(d.Value) == 0 {
		t.Fatalf("drivers %+v", gone.Drivers)
	}
	sum := fresh.BaseLogOdds
	for _, d := range fresh.Drivers {
		sum += d.Contribution
	}
	if p := 1 / (1 + math.Exp(-sum)); math.Abs(p-fresh.ChurnProbability) > 1e-9 {
		t.Fatalf("drivers add to %v, the probability is %v", p, fresh.ChurnProbability)
	}
}

func TestLongerAbsenceIsNeverSafer(t *testing.T) {
	t.Parallel()
	s := setup(t).service
	last := 0.0
	for _, days := range []int{0, 5, 20, 45, 90, 180, 400, 100_000} {
		a, _ := predict(t, s, "a", fmt.Sprintf(`{"recency":%d,"orders":4}`, days))
		if a.ChurnProbability < last {
			t.Fatalf("after %d days %v, before %v", days, a.ChurnProbability, last)
		}
		last = a.ChurnProbability
	}
}

func TestADriverShowsWhatTheModelSaw(t *testing.T) {
	t.Parallel()
	a, _ := predict(t, setup(t).service, "t", `{"recency_days":200,"frequency":-5}`)
	for _, d := range a.Drivers {
		if d.Feature == "frequency" && string(d.Value) != "null" {
			t.Errorf("a frequency below 0 is of no use, but the driver shows %s", d.Value)
		}
	}
}

func TestNothingRecognisedIsTheBaseRate(t *testing.T) {
	t.Parallel()
	s := setup(t).service
	for _, context := range []string{`{}`, `null`, `{"shoe_size":44}`, `{"recency_days":null}`, `{"recency_days":"soon"}`, `{"recency_days":-4}`} {
		a, warnings := predict(t, s, "a", context)
		if a.Confidence != 0 || a.ConfidenceLevel != "low" || a.ChurnProbability < 0.2 || a.ChurnProbability > 0.8 || a.Drivers == nil || len(warnings) == 0 {
			t.Fatalf("%s: %+v %v", context, a, warnings)
		}
	}
}

// rows is a training body in which plan and visits decide.
func rows(n int, seed uint64, flip bool) string {
	random := rand.New(rand.NewPCG(seed, 1))
	var out []string
	for range n {
		plan, visits := []string{"basic", "plus", "pro"}[random.IntN(3)], random.IntN(30)
		odds := 2.5 - 0.25*float64(visits)
		if plan == "pro" {
			odds -= 2
		}
		gone := random.Float64() < 1/(1+math.Exp(-odds))
		out = append(out, fmt.Sprintf(`{"features":{"plan":%q,"visits":%d,"paid":%v,"noise":%v},"churned":%v}`, plan, visits, random.IntN(2) == 0, random.Float64(), gone != flip))
	}
	return `{"rows":[` + strings.Join(out, ",") + `]}`
}

func train(t *testing.T, s *churn.Service, tenant, body string) *api.ChurnTrainAnswer {
	t.Helper()
	a, _, e := post[api.ChurnTrainAnswer](t, s, tenant, "/predict/churn/train", body)
	if e != nil {
		t.Fatal(e)
	}
	return a
}

func TestTenantModelLearnsPersistsAndStaysPrivate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	trained := train(t, b.service, "a", rows(800, 1, false))
	if trained.Version != 1 || !trained.Promoted || *trained.HeldOut.AUC < 0.75 || trained.Rows != 800 || trained.Importance[0].Feature != "visits" {
		t.Fatalf("%+v", trained)
	}
	check := func() {
		t.Helper()
		gone, _ := predict(t, b.service, "a", `{"plan":"basic","visits":0,"paid":true,"noise":0.5}`)
		stays, _ := predict(t, b.service, "a", `{"plan":"pro","visits":28,"paid":true,"noise":0.5}`)
		if gone.Model != "tenant v1" || gone.ChurnProbability < 0.75 || stays.ChurnProbability > 0.2 || gone.Drivers[0].Feature != "visits" {
			t.Fatalf("gone %+v, stays %+v", gone, stays)
		}
		other, _ := predict(t, b.service, "b", `{"plan":"basic","visits":0}`)
		if other.Model != "shipped prior" {
			t.Fatalf("tenant b is answered by %q", other.Model)
		}
	}
	check()
	b.open(t)
	check()
	unknown, warnings := predict(t, b.service, "a", `{"plan":"enterprise","visits":3,"age":9}`)
	if len(warnings) != 2 || unknown.Confidence <= 0 {
		t.Fatalf("warnings %v", warnings)
	}
}

func TestAWorseVersionIsNotPromoted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	train(t, b.service, "a", rows(800, 1, false))
	// Forty rows of the same truth cannot beat eight hundred.
	worse := train(t, b.service, "a", rows(40, 2, false))
	if worse.Promoted || worse.Version != 2 || worse.Incumbent == nil {
		t.Fatalf("%+v", worse)
	}
	if a, _ := predict(t, b.service, "a", `{"visits":1}`); a.Model != "tenant v1" {
		t.Fatalf("answered by %s", a.Model)
	}
	// When the truth has turned, the new version wins.
	turned := train(t, b.service, "a", rows(800, 3, true))
	if !turned.Promoted {
		t.Fatalf("%+v", turned)
	}
	if a, _ := predict(t, b.service, "a", `{"visits":1}`); a.Model != "tenant v3" {
		t.Fatalf("answered by %s", a.Model)
	}
}

func TestAPromotionElsewhereIsNoticed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := time.Unix(1000, 0)
	s := churn.New(churn.Deps{Store: b.store, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: func() time.Time { return now }, Prior: prior.Prior()})
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	train(t, s, "a", rows(300, 1, false))
	train(t, s, "a", rows(300, 1, true))
	if a, _ := predict(t, s, "a", `{"visits":1}`); a.Model != "tenant v2" {
		t.Fatalf("answered by %s", a.Model)
	}
	if err := b.store.Promote(t.Context(), "a", "churn", 1); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	if a, _ := predict(t, s, "a", `{"visits":1}`); a.Model != "tenant v1" {
		t.Fatalf("answered by %s", a.Model)
	}
}

func TestTrainerForTheModelsService(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var done []float64
	artifact, meta, err := b.service.Train(t.Context(), "a", json.RawMessage(rows(300, 1, false)), func(f float64) { done = append(done, f) })
	if err != nil || len(artifact) == 0 || len(done) == 0 || !slices.IsSorted(done) {
		t.Fatalf("%d bytes, progress %v, %v", len(artifact), done, err)
	}
	var m api.ChurnTraining
	if err := json.Unmarshal(meta, &m); err != nil || m.Rows != 300 || !m.Better {
		t.Fatalf("%s (%v)", meta, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := b.service.Train(ctx, "a", json.RawMessage(rows(300, 1, false)), nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := setup(t).service
	good := `{"features":{"a":%d},"churned":%v}`
	var many []string
	for i := range 30 {
		many = append(many, fmt.Sprintf(good, i, i%2 == 0))
	}
	with := func(row string) string { return `{"rows":[` + strings.Join(many, ",") + "," + row + `]}` }
	wide := make([]string, 201)
	for i := range wide {
		wide[i] = fmt.Sprintf(`"f%d":1`, i)
	}
	for body, want := range map[string]string{
		`{}`:          "too_few_rows rows",
		`{"rows":[]}`: "too_few_rows rows",
		`{"rows":[` + strings.Repeat(`{"features":{"a":1},"churned":true},`, 30) + `{"features":{"a":2},"churned":true}]}`:                                 "one_class rows",
		`{"rows":[` + strings.Repeat(`{"features":{"a":1},"churned":true},{"features":{"a":1},"churned":0},`, 15) + many[0] + `]}`:                         "",
		`{"rows":[` + strings.Repeat(`{"features":{"a":1},"churned":true},{"features":{"a":1},"churned":0},`, 15) + `{"features":{"a":1},"label":"yes"}]}`: "no_features rows",
		with(`{"features":{"a":1}}`):                                     "missing_label rows[30].churned",
		with(`{"features":{"a":1},"churned":2}`):                         "bad_label rows[30].churned",
		with(`{"features":{"a":1},"churned":true,"label":1}`):            "two_labels rows[30].label",
		with(`{"features":{"a":[1]},"churned":true}`):                    "bad_feature_value rows[30].features.a",
		with(`{"features":{"a":1e999},"churned":true}`):                  "bad_feature_value rows[30].features.a",
		with(`{"features":{"":1},"churned":true}`):                       "bad_feature_name rows[30].features",
		with(`{"features":{` + strings.Join(wide, ",") + `},"churn":1}`): "too_many_features rows[30].features",
		with(`{"features":{"a":1e300},"target":"no"}`):                   "",
	} {
		_, _, e := post[api.ChurnTrainAnswer](t, s, "r", "/predict/churn/train", body)
		check(t, body, e, want)
	}
	for body, want := range map[string]string{
		`{"user_id":"u","context":{"a":{"b":1}}}`:                     "bad_feature_value context.a",
		`{"user_id":"u","context":{"a":1,"features":{"a":2}}}`:        "duplicate_feature context.features.a",
		`{"user_id":"u","context":{"a":1e999}}`:                       "bad_feature_value context.a",
		`{"user_id":"` + strings.Repeat("u", 300) + `"}`:              "bad_user_id user_id",
		`{"user_id":"u","context":{` + strings.Join(wide, ",") + `}}`: "too_many_features context",
		`{"user_id":"u","context":{"recency":1e300,"orders":0}}`:      "",
		`{"user_id":"u","context":{"aov":1e300,"orders":1e300}}`:      "",
	} {
		_, _, e := post[api.ChurnAnswer](t, s, "fresh", "/predict/churn", body)
		check(t, body, e, want)
	}
}

func check(t *testing.T, body string, e *api.Error, want string) {
	t.Helper()
	got := ""
	if e != nil {
		got = e.Code
		if len(e.Details) > 0 {
			got += " " + e.Details[0].Field
		}
	}
	if got != want {
		t.Errorf("%.120s: %q, want %q", body, got, want)
	}
}

func FuzzPredict(f *testing.F) {
	f.Add(`{"user_id":"u","context":{"recency":3,"features":{"orders":2}}}`)
	s := churn.New(churn.Deps{Store: empty{}, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: time.Now, Prior: prior.Prior()})
	if err := s.Load(f.Context()); err != nil {
		f.Fatal(err)
	}
	handler := s.Routes()[0].Handler
	f.Fuzz(func(t *testing.T, body string) {
		res, err := handler(t.Context(), &service.Call{Tenant: "a", Body: []byte(body)})
		var known *api.Error
		if err != nil && !errors.As(err, &known) {
			t.Fatal(err)
		}
		if err == nil {
			if _, err := json.Marshal(res); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// empty is a store in which no tenant has a model.
type empty struct{ churn.Store }

func (empty) PromotedModel(context.Context, string, string) (state.Model, error) {
	return state.Model{}, state.ErrNotFound
}

func (empty) Models(context.Context, string) ([]state.Model, error) { return nil, nil }
