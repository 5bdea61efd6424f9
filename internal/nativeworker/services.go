package nativeworker

import (
	"fmt"
	"sync"

	"github.com/omni-run/omni/internal/llm"
	"github.com/omni-run/omni/internal/ml/route"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/service/agents"
	"github.com/omni-run/omni/internal/service/anomaly"
	"github.com/omni-run/omni/internal/service/churn"
	"github.com/omni-run/omni/internal/service/forecast"
	"github.com/omni-run/omni/internal/service/models"
	"github.com/omni-run/omni/internal/service/reason"
	"github.com/omni-run/omni/internal/service/recommend"
	"github.com/omni-run/omni/internal/service/sentiment"
	"github.com/omni-run/omni/internal/service/swarm"
	"github.com/omni-run/omni/internal/service/vectors"
	churnprior "github.com/omni-run/omni/models/churn"
	"github.com/omni-run/omni/models/embed"
	sentimentnet "github.com/omni-run/omni/models/sentiment"
)

// services lists every capability of the native worker, in the order of the
// contract.
func (w *Worker) services() ([]service.Service, error) {
	log, now, store := w.opt.Log, w.opt.Now, w.store
	embedding := &lazyEmbedding{load: sync.OnceValues(embed.Default)}
	provider, err := w.opt.LLM.client()
	if err != nil {
		return nil, err
	}
	forecasts := forecast.New(forecast.Deps{Models: store, Log: log})
	leavers := churn.New(churn.Deps{Store: store, Log: log, Now: now, Prior: churnprior.Prior()})
	products := recommend.New(recommend.Deps{Store: store, Log: log, Now: now, Embedder: embedding})
	versions := models.New(models.Deps{
		Store: store, Trainers: []models.Trainer{forecast.NewTrainer(forecast.Limits{}, store), leavers},
		// Whoever holds something of a model in memory drops it when another
		// version comes into use.
		Changed: func(tenant, _ string) {
			leavers.Forget(tenant)
			products.Forget(tenant)
			forecasts.Forget(tenant)
		},
	})
	planner := reason.Deps{
		Store: store, Invoker: w, Log: log, Now: now, FallBack: w.opt.LLM.FallBack,
		Embedder: func() (route.Embedder, error) { return embedding.load() },
	}
	if provider != nil {
		planner.LLM = provider
	}
	return []service.Service{
		forecasts,
		leavers,
		products,
		anomaly.New(anomaly.Deps{Store: store}),
		sentiment.New(sentiment.Deps{Embedding: embedding.load, Network: sentimentnet.Default}),
		swarm.New(swarm.Deps{Log: log, Now: now}),
		agents.New(agents.Deps{Store: store, Invoker: w, Log: log, Now: now}),
		reason.New(planner),
		vectors.New(vectors.Deps{Store: store, Log: log, Model: embedding.load}),
		versions,
	}, nil
}

// client returns nil when no provider is configured.
func (l LLM) client() (*llm.Client, error) {
	if l.BaseURL == "" {
		return nil, nil //nolint:nilnil // no provider is an ordinary configuration
	}
	c, err := llm.New(llm.Config{BaseURL: l.BaseURL, Key: l.APIKey, Model: l.Model})
	if err != nil {
		return nil, fmt.Errorf("the language model: %w", err)
	}
	return c, nil
}

// lazyEmbedding is the shipped embedding, read when it is first needed and
// then shared by every service.
type lazyEmbedding struct {
	load func() (*embed.Model, error)
}

func (e *lazyEmbedding) model() *embed.Model {
	m, err := e.load()
	if err != nil {
		// The weights are inside the binary: this is a broken build, which the
		// tests of models/embed find.
		panic(fmt.Sprintf("nativeworker: the shipped embedding: %v", err))
	}
	return m
}

// Embed returns the embedding of text in dst.
func (e *lazyEmbedding) Embed(text string, dst []float32) []float32 {
	return e.model().Embed(text, dst)
}

// Dim returns the length of embeddings.
func (e *lazyEmbedding) Dim() int { return e.model().Dim() }
