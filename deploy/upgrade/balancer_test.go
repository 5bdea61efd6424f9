package upgrade

import (
	"io"
	"net"
	"slices"
	"sync"
	"testing"
)

// balancer hands connections to the backends in turn, as the Service of a
// cluster does: it knows nothing of HTTP and repeats nothing.
type balancer struct {
	ln       net.Listener
	mu       sync.Mutex
	backends []string
	next     int
}

func newBalancer(t *testing.T, backends ...string) *balancer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{ln: ln, backends: backends}
	t.Cleanup(func() { ln.Close() })
	go b.serve()
	return b
}

func (b *balancer) address() string { return b.ln.Addr().String() }

func (b *balancer) add(backend string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backends = append(b.backends, backend)
}

// remove returns when no new connection goes there any more.
func (b *balancer) remove(backend string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backends = slices.DeleteFunc(slices.Clone(b.backends), func(s string) bool { return s == backend })
}

// dial connects under the lock, so that remove cannot fall in between.
func (b *balancer) dial() (net.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	return net.Dial("tcp", b.backends[b.next%len(b.backends)])
}

func (b *balancer) serve() {
	for {
		caller, err := b.ln.Accept()
		if err != nil {
			return
		}
		backend, err := b.dial()
		if err != nil {
			caller.Close()
			continue
		}
		go func() {
			defer caller.Close()
			defer backend.Close()
			var both sync.WaitGroup
			both.Go(func() { carry(backend, caller) })
			both.Go(func() { carry(caller, backend) })
			both.Wait()
		}()
	}
}

// carry copies until one side has said all, and tells the other.
func carry(to, from net.Conn) {
	_, _ = io.Copy(to, from) // a broken connection is the callers' to report
	_ = to.(*net.TCPConn).CloseWrite()
}
