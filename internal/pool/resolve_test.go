package pool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// resolver is a name server and the network behind it.
type resolver struct {
	mu    sync.Mutex
	known []string
	err   error
	at    map[string]string // address with port, to where it really is
}

func (r *resolver) set(err error, known ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known, r.err = known, err
}

func (r *resolver) lookup(_ context.Context, host string) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if host != "workers.internal" {
		return nil, errors.New("asked for " + host)
	}
	return slices.Clone(r.known), r.err
}

func (r *resolver) dial(ctx context.Context, network, address string) (net.Conn, error) {
	to, ok := r.at[address]
	if !ok {
		return nil, errors.New("nothing is at " + address)
	}
	return new(net.Dialer).DialContext(ctx, network, to)
}

func names(p *Pool) (list []string) {
	for _, w := range p.Snapshot().Workers {
		list = append(list, w.Name)
	}
	slices.Sort(list)
	return list
}

// Each address of a name is a worker; what is new is used, what is gone is
// given up once its calls are done; while the resolver fails, the last stay.
func TestAddressesAreFollowed(t *testing.T) {
	t.Parallel()
	a, b := newFake(t, healthy(4, "echo")), newFake(t, healthy(4, "echo"))
	r := &resolver{known: []string{"10.0.0.1", "fd00::2", "10.0.0.1"}, at: map[string]string{"10.0.0.1:8080": a.address, "[fd00::2]:8080": b.address}}
	p := newPool(t, func(o *Options) { o.Lookup, o.Dial = r.lookup, r.dial },
		Worker{Name: "w", URL: "http://workers.internal:8080", Resolve: 5 * time.Millisecond})
	has := func(want ...string) {
		t.Helper()
		eventually(t, fmt.Sprint("the workers are ", want), func() bool {
			ready, _ := p.Counts()
			return slices.Equal(names(p), want) && ready == len(want)
		})
	}
	has("w.10.0.0.1", "w.fd00--2")
	hosts := make(chan string, 100)
	a.answer = nil
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	b.set(func(f *fakeWorker) {
		f.answer = func(w http.ResponseWriter, r *http.Request) {
			hosts <- r.Host
			once.Do(func() { close(entered); <-release })
			echo(w, r)
		}
	})
	done := make(chan struct{})
	go func() { // on b until it is released
		defer close(done)
		for range 20 {
			resp, err := p.Do(t.Context(), call("echo", `"x"`))
			answered(t, resp, err)
		}
	}()
	<-entered
	if host := <-hosts; host != "workers.internal:8080" {
		t.Errorf("called as %s", host)
	}
	r.set(nil, "10.0.0.1")
	has("w.10.0.0.1")
	close(release)
	<-done // the call on the address that is gone was finished
	before := b.calls.Load()
	for range 4 {
		resp, err := p.Do(t.Context(), call("echo", `"x"`))
		answered(t, resp, err)
	}
	if b.calls.Load() != before {
		t.Error("an address that is gone was called")
	}
	r.set(errors.New("SERVFAIL"))
	eventually(t, "the resolver fails", func() bool { return counter(p, "w") > 0 })
	has("w.10.0.0.1")
	r.set(nil) // no address at all
	failures := counter(p, "w")
	eventually(t, "the resolver knows nothing", func() bool { return counter(p, "w") > failures })
	has("w.10.0.0.1")
	r.set(nil, "fd00::2", "10.0.0.1")
	has("w.10.0.0.1", "w.fd00--2")

	if err := p.Drain("w"); err != nil { // all of them, and those to come
		t.Fatal(err)
	}
	r.set(nil, "fd00::2")
	eventually(t, "one is left", func() bool { return len(names(p)) == 1 })
	r.set(nil, "fd00::2", "10.0.0.1")
	eventually(t, "two are drained", func() bool {
		s := p.Snapshot().Workers
		return len(s) == 2 && s[0].State == stateDrained && s[1].State == stateDrained
	})
	if err := p.Undrain("w.10.0.0.1"); err != nil {
		t.Fatal(err)
	}
	resp, err := p.Do(t.Context(), call("echo", `"x"`))
	answered(t, resp, err)
	if resp.WorkerName != "w.10.0.0.1" {
		t.Errorf("answered by %s", resp.WorkerName)
	}
	if err := p.Drain("nobody"); !errors.Is(err, ErrUnknownWorker) {
		t.Errorf("got %v", err)
	}
}

// A keeper wakes and lets go all addresses of its worker together.
func TestAddressesSleepTogether(t *testing.T) {
	t.Parallel()
	a, b := newFake(t, healthy(4, "echo")), newFake(t, healthy(4, "echo"))
	r := &resolver{known: []string{"10.0.0.1", "10.0.0.2"}, at: map[string]string{"10.0.0.1:80": a.address, "10.0.0.2:80": b.address}}
	k := &fakeKeeper{}
	p := newPool(t, func(o *Options) { o.Lookup, o.Dial = r.lookup, r.dial },
		Worker{Name: "w", URL: "http://workers.internal", Resolve: 5 * time.Millisecond, Keeper: k, Idle: 50 * time.Millisecond})
	eventually(t, "two addresses", func() bool { return len(names(p)) == 2 })
	all := func(state string) func() bool {
		return func() bool {
			s := p.Snapshot().Workers
			return s[0].State == state && s[1].State == state
		}
	}
	for round := range 2 {
		eventually(t, "both sleep", all(stateAsleep))
		resp, err := p.Do(t.Context(), call("echo", `"x"`))
		answered(t, resp, err)
		// The addresses answer all along, so a probe may be back before the keeper
		// has begun.
		eventually(t, "the wake", func() bool { return int(k.kept.Load()) > round })
		if n := k.kept.Load(); int(n) != round+1 {
			t.Errorf("woken %d times", n)
		}
	}
}
