package pool

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/omni-run/omni/internal/metricsmerge"
)

// Limits on fetching the workers' metrics.
const (
	metricsTimeout  = 2 * time.Second
	maxMetricsBytes = 4 << 20
)

// MetricsTexts fetches the metrics of every worker at once. A worker that does
// not answer properly within 2 s is left out and counted.
func (p *Pool) MetricsTexts(ctx context.Context) []metricsmerge.Source {
	p.mu.Lock()
	workers := p.workers // replaced as a whole when it changes
	p.mu.Unlock()
	texts := make([]metricsmerge.Source, len(workers))
	var wg sync.WaitGroup
	for i, w := range workers {
		if p.sleeps(w) {
			continue // to be asked would wake some of them
		}
		wg.Go(func() {
			status, content, failure := p.get(ctx, w, "/metrics", metricsTimeout, maxMetricsBytes)
			if failure == nil && status != http.StatusOK {
				failure = &probeError{classStatus, errors.New(http.StatusText(status))}
			}
			if failure != nil {
				p.metrics.unscraped(w.label)
				return
			}
			texts[i] = metricsmerge.Source{Worker: w.Name, Text: content}
		})
	}
	wg.Wait()
	kept := texts[:0]
	for _, s := range texts {
		if s.Worker != "" {
			kept = append(kept, s)
		}
	}
	return kept
}
