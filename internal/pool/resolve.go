package pool

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// maxTargets bounds how many addresses of one name are used.
const maxTargets = 64

// source is a configured worker whose name may stand for several addresses,
// each of which is a worker of its own. All but the first group of fields is
// guarded by the pool's lock.
type source struct {
	config Worker
	host   string
	port   string

	rest    *rest              // the targets sleep and wake together; nil for no keeper
	targets map[string]*worker // by address; "" is the name itself, until it is resolved
	drained bool
	leaving bool // its targets are to go
	ended   bool // it has no targets any more, and gets no new ones
	cancel  context.CancelFunc
}

func newSource(config Worker, first *worker) *source {
	base, err := url.Parse(config.URL)
	if err != nil {
		panic("pool: an address that was checked is none: " + config.Name)
	}
	port := base.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[base.Scheme]
	}
	return &source{config: config, rest: first.rest, host: base.Hostname(), port: port, targets: map[string]*worker{"": first}}
}

// follow resolves a worker's name again and again, until ctx ends. While the
// resolver fails, or knows no address, the last ones stay.
func (p *Pool) follow(ctx context.Context, s *source) {
	failing := false
	for {
		addresses, err := p.lookup(ctx, s)
		if ctx.Err() != nil {
			return
		}
		if err == nil && len(addresses) > 0 {
			p.retarget(ctx, s, addresses)
		} else if !failing {
			p.opts.Logger.Warn("a worker's name cannot be resolved; its last addresses stay", "worker", s.config.Name, "error", err)
		}
		failing = err != nil || len(addresses) == 0
		if failing {
			p.metrics.unresolved.WithLabelValues(s.config.Name).Inc()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(p.resolveAgain(s)):
		}
	}
}

// resolveAgain is how long the addresses are taken to be current: not long
// while none of them answers.
func (p *Pool) resolveAgain(s *source) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range s.targets {
		if w.up || w.asleep() {
			return jitter(s.config.Resolve, 0.1)
		}
	}
	return jitter(min(s.config.Resolve, time.Second), 0.1)
}

func (p *Pool) lookup(ctx context.Context, s *source) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	addresses, err := p.opts.Lookup(ctx, s.host)
	if err != nil {
		return nil, err
	}
	slices.Sort(addresses)
	addresses = slices.Compact(addresses)
	return addresses[:min(len(addresses), maxTargets)], nil
}

// retarget begins to use new addresses and gives up those that are gone; calls
// that run there finish.
func (p *Pool) retarget(ctx context.Context, s *source, addresses []string) {
	var fresh, gone []*worker
	p.mu.Lock()
	if s.ended {
		p.mu.Unlock()
		return
	}
	for _, a := range addresses {
		if s.targets[a] == nil {
			w, err := p.target(s, a)
			if err != nil {
				p.opts.Logger.Error("a worker's address cannot be used", "worker", s.config.Name, "error", err)
				continue
			}
			s.targets[a] = w
			fresh = append(fresh, w)
		}
	}
	for a, w := range s.targets {
		if !slices.Contains(addresses, a) {
			delete(s.targets, a)
			gone = append(gone, w)
		}
	}
	p.replaceLocked(fresh, gone)
	p.mu.Unlock()
	for _, w := range gone {
		w.stop()
		w.client.Close()
		p.opts.Logger.Info("a worker's address is gone", slog.String("worker", w.Name))
	}
	for _, w := range fresh {
		p.startWatch(ctx, w)
		p.opts.Logger.Info("a worker has a new address", slog.String("worker", w.Name))
	}
}

// target is the worker at one address of a name.
func (p *Pool) target(s *source, address string) (*worker, error) {
	config := s.config
	config.Name += "." + strings.ReplaceAll(address, ":", "-")
	opts, at := p.opts, net.JoinHostPort(address, s.port)
	dial := opts.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	opts.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) { return dial(ctx, network, at) }
	w, err := newWorker(config, &opts)
	if err != nil {
		return nil, err
	}
	w.label, w.source, w.drained, w.leaving = s.config.Name, s, s.drained, s.leaving
	return w, nil
}

// replaceLocked changes which workers there are. The slice is a new one: others
// may be reading the former.
func (p *Pool) replaceLocked(fresh, gone []*worker) {
	if len(fresh) == 0 && len(gone) == 0 {
		return
	}
	kept := make([]*worker, 0, len(p.workers)+len(fresh))
	for _, w := range p.workers {
		if !slices.Contains(gone, w) {
			kept = append(kept, w)
		}
	}
	p.workers = append(kept, fresh...)
	p.rotate = 0
	for _, w := range gone {
		w.gone = true
		delete(p.names, w.Name)
	}
	for _, w := range fresh {
		p.names[w.Name] = w
	}
	for _, w := range slices.Concat(fresh, gone) {
		if w.source == nil {
			continue
		}
		if r := w.source.rest; r != nil {
			w.rest = r
			r.targets = r.targets[:0:0]
			for _, t := range w.source.targets {
				r.targets = append(r.targets, t)
			}
		}
	}
	p.dispatchLocked()
}
