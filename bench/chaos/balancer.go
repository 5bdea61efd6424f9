package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// balancer hands TCP connections to gateways in turn, to those whose readiness
// answers; one that cannot be reached is passed over. It looks no deeper, as a
// load balancer of layer 4 does.
type balancer struct {
	listener net.Listener
	backends []*backend
	next     atomic.Uint64
	open     sync.WaitGroup
}

type backend struct {
	address string
	ready   atomic.Bool
}

func newBalancer(addresses []string) (*balancer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // returns at once
	if err != nil {
		return nil, err
	}
	b := &balancer{listener: l}
	for _, a := range addresses {
		b.backends = append(b.backends, &backend{address: a})
	}
	return b, nil
}

// watch asks for readiness ten times a second until ctx ends.
func (b *balancer) watch(ctx context.Context) {
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, k := range b.backends {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+k.address+"/health/ready", nil)
			if err != nil {
				continue
			}
			res, err := client.Do(req)
			ready := err == nil && res.StatusCode == http.StatusOK
			if err == nil {
				_ = res.Body.Close()
			}
			k.ready.Store(ready)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (b *balancer) serve() {
	for {
		c, err := b.listener.Accept()
		if err != nil {
			return // closed
		}
		b.open.Go(func() { b.pipe(c) })
	}
}

func (b *balancer) pipe(c net.Conn) {
	defer func() { _ = c.Close() }()
	up, err := b.dial()
	if err != nil {
		return
	}
	defer func() { _ = up.Close() }()
	ended := make(chan struct{}, 2)
	forward := func(to, from net.Conn) {
		_, _ = io.Copy(to, from) // its end is the connection's end
		if half, ok := to.(*net.TCPConn); ok {
			_ = half.CloseWrite()
		}
		ended <- struct{}{}
	}
	go forward(up, c)
	go forward(c, up)
	<-ended
	<-ended
}

var errNobody = errors.New("no gateway takes connections")

// dial goes round the gateways, the ready ones first.
func (b *balancer) dial() (net.Conn, error) {
	start := int(b.next.Add(1))
	for _, ready := range []bool{true, false} {
		for i := range b.backends {
			k := b.backends[(start+i)%len(b.backends)]
			if k.ready.Load() != ready {
				continue
			}
			if c, err := net.DialTimeout("tcp", k.address, time.Second); err == nil { //nolint:noctx // bounded
				return c, nil
			}
		}
	}
	return nil, errNobody
}
