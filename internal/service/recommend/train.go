package recommend

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/als"
	"github.com/omni-run/omni/internal/ml/ease"
	"github.com/omni-run/omni/internal/ml/sparse"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/state"
)

const (
	// Fewer than this, and there is nothing to learn from.
	minUsers = 3
	minItems = 3
	// maxPairsPerUser bounds what one user weighs in training: the newest count.
	maxPairsPerUser = 1_000
	// easeDropout did best on public data together with a tuned lambda
	// (docs/models/recommend.md).
	easeDropout = 0.33
	// easeWeights is how many weights a model keeps, shared equally by the
	// items: all of them up to 1,700 items. At 8 bytes each, 24 MB.
	easeWeights = 3_000_000
	alsFactors  = 64
	alsAlpha    = 40
	// alsSweeps and tuneSweeps are the sweeps of the final model and of those
	// that are only compared.
	alsSweeps  = 12
	tuneSweeps = 5
)

// liking is one user-item pair to learn from.
type liking struct {
	item  int32 // in the snapshot's numbering
	value float32
	at    uint32
	order uint32
}

// snapshot is a tenant's data as training sees them.
type snapshot struct {
	ids          []string
	users        [][]liking // each oldest first
	pairs        int
	interactions int
	// settled counts the users with two items or more: the others say nothing
	// about what goes with what.
	settled int
}

func (t *tenant) snapshot() *snapshot {
	t.mu.RLock()
	defer t.mu.RUnlock()
	s := &snapshot{interactions: t.events}
	number := map[int32]int32{}
	for u := range t.users {
		var row []liking
		for _, p := range t.users[u].pairs {
			if a := p.affinity(); a > 0 {
				row = append(row, liking{p.item, a, p.at, p.order})
			}
		}
		slices.SortFunc(row, func(a, b liking) int {
			return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.order, b.order))
		})
		row = row[max(0, len(row)-maxPairsPerUser):]
		for k := range row {
			i, ok := number[row[k].item]
			if !ok {
				i = int32(len(s.ids))
				number[row[k].item] = i
				s.ids = append(s.ids, t.items[row[k].item].id)
			}
			row[k].item = i
		}
		if len(row) > 0 {
			s.users = append(s.users, row)
			s.pairs += len(row)
		}
		if len(row) > 1 {
			s.settled++
		}
	}
	return s
}

// matrix is users x items; skip says which places of a user's row to leave out.
func (s *snapshot) matrix(skip func(user, place int) bool) *sparse.Matrix {
	entries := make([]sparse.Entry, 0, s.pairs)
	for u, row := range s.users {
		for k, l := range row {
			if skip == nil || !skip(u, k) {
				entries = append(entries, sparse.Entry{Row: int32(u), Col: l.item, Value: l.value})
			}
		}
	}
	return sparse.New(len(s.users), len(s.ids), entries)
}

func (s *Service) train(ctx context.Context, call *service.Call, req *api.RecommendTrainRequest) (*api.RecommendTrainAnswer, error) {
	switch req.Model {
	case "", modelAuto, modelEASE, modelALS:
	default:
		return nil, api.Unprocessable("unknown_model", "model is %.64q; it takes auto, ease or als", req.Model).At("model", "%.64q", req.Model)
	}
	select {
	case s.training <- struct{}{}:
		defer func() { <-s.training }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	t, err := s.tenants.Get(ctx, call.Tenant)
	if err != nil {
		return nil, err
	}
	began := s.Now()
	data := t.snapshot()
	answer := &api.RecommendTrainAnswer{
		Model: modelNone, Users: len(data.users), Items: len(data.ids), Interactions: data.interactions, Pairs: data.pairs,
	}
	if data.settled < minUsers || len(data.ids) < minItems {
		call.Warn("too little to learn from: %d users with two items or more and %d items; a collaborative model takes at least %d and %d. Recommendations go by content and popularity",
			data.settled, len(data.ids), minUsers, minItems)
		return answer, nil
	}
	l, err := s.learner(req, len(data.ids))
	if err != nil {
		return nil, err
	}
	a, err := l.learn(ctx, call, data, answer)
	if err != nil {
		return nil, err
	}
	answer.Seconds = s.Now().Sub(began).Seconds()
	return answer, s.keep(ctx, call.Tenant, a, answer)
}

// keep stores the model as the tenant's promoted version and puts it to use.
func (s *Service) keep(ctx context.Context, tenantName string, a *artifact, answer *api.RecommendTrainAnswer) error {
	meta, err := json.Marshal(map[string]any{
		"model": answer.Model, "users": answer.Users, "items": answer.Items, "interactions": answer.Interactions,
		"pairs": answer.Pairs, "lambda": answer.Lambda, "holdout": answer.Holdout,
	})
	if err != nil {
		return fmt.Errorf("describing a model: %w", err)
	}
	defer s.lockWrites(tenantName)()
	version, err := s.Store.SaveModel(ctx, tenantName, state.Model{Name: modelName, Kind: "recommend", Meta: meta, Artifact: a.encode()}, true)
	if err != nil {
		return err
	}
	answer.Trained, answer.ModelVersion = true, version
	return s.written(ctx, tenantName, func(t *tenant) error {
		t.model = t.bind(a, version)
		return nil
	})
}

// candidate is one setting to compare.
type candidate struct {
	kind    string
	penalty float64
}

// learner trains the candidates.
type learner struct {
	candidates []candidate
	workers    int
	seed       uint64
}

// learner chooses the candidates: auto compares both kinds while the training
// of EASE fits in memory, and ALS alone above.
func (s *Service) learner(req *api.RecommendTrainRequest, items int) (learner, error) {
	l := learner{workers: s.Workers, seed: req.Seed}
	if req.Model != modelALS && items <= s.EASEItems {
		l.candidates = append(l.candidates, easeGrid(items)...)
	}
	if req.Model == modelEASE && items > s.EASEItems {
		return l, api.Unprocessable("catalogue_too_large", "ease takes at most %d items, and %d have interactions; use model als or auto", s.EASEItems, items).
			At("model", "ease does not fit %d items", items)
	}
	if req.Model != modelEASE {
		l.candidates = append(l.candidates, candidate{modelALS, 1}, candidate{modelALS, 10}, candidate{modelALS, 50})
	}
	return l, nil
}

// easeGrid is the penalties to compare. The cost of one grows with the cube of
// the items, so the larger the catalogue the fewer.
func easeGrid(items int) (out []candidate) {
	grid := []float64{20, 100, 400}
	if items <= 1500 {
		grid = []float64{1, 10, 30, 100, 300, 1000}
	}
	for _, p := range grid {
		out = append(out, candidate{modelEASE, p})
	}
	return out
}

// usual is the candidate to train when nothing can be compared: the middle one
// of the first kind.
func (l learner) usual() candidate {
	n := 0
	for n < len(l.candidates) && l.candidates[n].kind == l.candidates[0].kind {
		n++
	}
	return l.candidates[n/2]
}

// fit trains one candidate on x.
func (l learner) fit(ctx context.Context, x *sparse.Matrix, c candidate, sweeps int, progress func(float64)) (*artifact, error) {
	if c.kind == modelEASE {
		m, err := ease.Train(ctx, x, ease.Options{Lambda: c.penalty, Dropout: easeDropout, Neighbors: max(1, easeWeights/max(1, x.Cols)), Workers: l.workers})
		return &artifact{ease: m}, err
	}
	m, err := als.Train(ctx, x, als.Options{
		Factors: min(alsFactors, max(4, x.Cols/8)), Alpha: alsAlpha, Reg: c.penalty, Iterations: sweeps, Workers: l.workers,
		OnIteration: func(done, of int) { progress(float64(done) / float64(of)) },
	}, rand.New(rand.NewPCG(l.seed, 0x5eed)))
	return &artifact{als: m}, err
}

// learn chooses the candidate on a hold-out, trains on everything, and fills in
// what the answer says about it.
func (l learner) learn(ctx context.Context, call *service.Call, data *snapshot, answer *api.RecommendTrainAnswer) (*artifact, error) {
	steps := float64(len(l.candidates) + 1)
	best := l.usual()
	test := data.holdout()
	if len(test.users) == 0 {
		call.Warn("no user has three items or more: nothing could be held out, so the model's quality is unknown")
	} else {
		base, err := test.popularity(ctx)
		if err != nil {
			return nil, err
		}
		h := &api.RecommendHoldout{Method: "leave-last-out", Users: len(test.users), K: holdoutK, Popularity: base}
		for i, c := range l.candidates {
			a, err := l.fit(ctx, test.train, c, tuneSweeps, func(f float64) { call.Progress((float64(i) + f) / steps) })
			if err != nil {
				return nil, err
			}
			q, err := test.quality(ctx, a)
			if err != nil {
				return nil, err
			}
			h.Candidates = append(h.Candidates, api.RecommendCandidate{Model: c.kind, Lambda: c.penalty, RecommendQuality: q})
			if i == 0 || q.NDCG > h.NDCG {
				h.RecommendQuality, best = q, c
			}
			call.Progress(float64(i+1) / steps)
		}
		answer.Holdout = h
		if len(test.users) < 20 {
			call.Warn("the hold-out has %d users: its figures are rough", len(test.users))
		}
		if h.NDCG <= h.Popularity.NDCG {
			call.Warn("on the hold-out the model does no better than popularity (ndcg %.3f against %.3f)", h.NDCG, h.Popularity.NDCG)
		}
	}
	a, err := l.fit(ctx, data.matrix(nil), best, alsSweeps, func(f float64) { call.Progress((steps - 1 + f) / steps) })
	if err != nil {
		return nil, err
	}
	a.ids = data.ids
	answer.Model, answer.Lambda = best.kind, best.penalty
	return a, nil
}

func round(x float64) float64 { return math.Round(x*1e6) / 1e6 }
