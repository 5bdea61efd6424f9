// Package sentiment is the capability of telling what a text feels about its
// subject: its sign, sentence by sentence, an emotion, and beside that the
// names, key words and language found on the way.
package sentiment

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/embed"
	"github.com/omni-run/omni/internal/ml/textnet"
	"github.com/omni-run/omni/internal/service"
)

// Limits of one call.
const (
	maxTexts      = 1000
	maxTextBytes  = 100_000
	maxTotalBytes = 1_000_000
	maxNamed      = 20 // offending texts named in one refusal
)

const (
	modelName  = "omni-sentiment-cnn"
	offsetUnit = "codepoint"
)

// Deps is what the service is made of.
type Deps struct {
	// Embedding and Network return the shipped models; each is called once, by
	// Load.
	Embedding func() (*embed.Model, error)
	Network   func() (*textnet.Net, error)
}

// Service answers POST /sentiment/analyze. It keeps nothing between calls.
type Service struct {
	deps     Deps
	analyser atomic.Pointer[analyser]
}

var _ service.Service = (*Service)(nil)

// New makes the service.
func New(d Deps) *Service { return &Service{deps: d} }

// Name implements service.Service.
func (s *Service) Name() string { return "sentiment" }

// Load implements service.Service.
func (s *Service) Load(context.Context) error {
	embedding, err := s.deps.Embedding()
	if err != nil {
		return fmt.Errorf("loading the embedding: %w", err)
	}
	network, err := s.deps.Network()
	if err != nil {
		return fmt.Errorf("loading the sentiment network: %w", err)
	}
	s.analyser.Store(&analyser{words: embedding.WordPiece(), network: network, feelings: newFeelings(embedding)})
	return nil
}

// Routes implements service.Service.
func (s *Service) Routes() []service.Route {
	return []service.Route{{Method: "POST", Path: "/sentiment/analyze", Model: "sentiment", Handler: service.JSON(s.analyze), Repeatable: true}}
}

// errNotLoaded cannot reach a caller: the shell sends no call before Load.
var errNotLoaded = errors.New("sentiment: called before Load")

func (s *Service) analyze(ctx context.Context, call *service.Call, req *api.SentimentRequest) (*api.SentimentAnswer, error) {
	a := s.analyser.Load()
	if a == nil {
		return nil, errNotLoaded
	}
	if err := check(req); err != nil {
		return nil, err
	}
	answer := &api.SentimentAnswer{Model: modelName, OffsetUnit: offsetUnit}
	if req.Text != nil {
		result, err := a.analyse(ctx, *req.Text)
		if err != nil {
			return nil, err
		}
		if foreign(result) {
			call.Warn("the text seems to be in %q: the model was trained on English only, so it is answered as neutral with a low score", result.Language)
		}
		answer.SentimentResult = &result
		return answer, nil
	}
	var others []string
	answer.Results = make([]api.SentimentResult, len(req.Texts))
	for i, t := range req.Texts {
		result, err := a.analyse(ctx, t)
		if err != nil {
			return nil, err
		}
		if foreign(result) && len(others) < maxNamed {
			others = append(others, fmt.Sprintf("texts[%d] (%s)", i, result.Language))
		}
		answer.Results[i] = result
		call.Progress(float64(i+1) / float64(len(req.Texts)))
	}
	if len(others) > 0 {
		call.Warn("not English, it seems: %s; the model was trained on English only, so they are answered as neutral with a low score", strings.Join(others, ", "))
	}
	answer.Count = len(answer.Results)
	return answer, nil
}

func check(req *api.SentimentRequest) error {
	switch {
	case req.Text != nil && req.Texts != nil:
		return api.Unprocessable("text_and_texts", "send either text or texts, not both").At("texts", "text is there too")
	case req.Text != nil:
		return checkText("text", *req.Text)
	case req.Texts == nil:
		return api.Unprocessable("missing_text", "send a text, or a list of texts").At("text", "missing")
	}
	if n := len(req.Texts); n == 0 || n > maxTexts {
		return api.Unprocessable("invalid_texts", "texts has %d entries; send 1 to %d", n, maxTexts).At("texts", "%d entries", n)
	}
	var refusal *api.Error
	total := 0
	for i, t := range req.Texts {
		total += len(t)
		err := checkText(fmt.Sprintf("texts[%d]", i), t)
		var e *api.Error
		if !errors.As(err, &e) {
			continue
		}
		if refusal == nil {
			refusal = e
		} else if len(refusal.Details) < maxNamed {
			refusal.Details = append(refusal.Details, e.Details...)
		}
	}
	if refusal != nil {
		return refusal
	}
	if total > maxTotalBytes {
		return api.Unprocessable("texts_too_long", "texts have %d bytes together; at most %d fit: send them in several calls", total, maxTotalBytes).At("texts", "%d bytes", total)
	}
	return nil
}

func checkText(at, t string) error {
	if strings.TrimSpace(t) == "" {
		return api.Unprocessable("empty_text", "%s is empty", at).At(at, "empty")
	}
	if len(t) > maxTextBytes {
		return api.Unprocessable("text_too_long", "%s has %d bytes; at most %d fit: split it", at, len(t), maxTextBytes).At(at, "%d bytes", len(t))
	}
	return nil
}
