package contracttest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/omni-run/omni/api"
)

// dial opens a connection of its own to the worker.
func (w *worker) dial(ctx context.Context) (net.Conn, error) {
	host := w.base.Host
	if w.base.Port() == "" {
		host = net.JoinHostPort(host, map[string]string{"http": "80", "https": "443"}[w.base.Scheme])
	}
	var conn net.Conn
	var err error
	if w.base.Scheme == "https" {
		conn, err = (&tls.Dialer{}).DialContext(ctx, "tcp", host)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", host)
	}
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return conn, nil
}

// head is the call's head with the body's length as stated.
func (w *worker) head(length int) string {
	h := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s: contract-test\r\n%s: %s\r\n",
		w.Method, w.Path, w.base.Host, length, api.HeaderTenantID, api.HeaderRequestID, newID())
	if w.Token != "" {
		h += api.HeaderWorkerToken + ": " + w.Token + "\r\n"
	}
	return h + "\r\n"
}

// abandon sends part of a call and hangs up, ten times.
func (w *worker) abandon(ctx context.Context, text string) error {
	for range 10 {
		conn, err := w.dial(ctx)
		if err != nil {
			return err
		}
		_, err = conn.Write([]byte(text))
		if err := errors.Join(err, conn.Close()); err != nil {
			return fmt.Errorf("sending part of a call: %w", err)
		}
	}
	return w.stillServes(ctx)
}

// stillServes checks that the worker answers a call, and in the end counts
// none as running.
func (w *worker) stillServes(ctx context.Context) error {
	if err := inFlightReturns(ctx, w); err != nil {
		return err
	}
	a, err := w.call(ctx)
	if err == nil && a.status != http.StatusOK {
		err = fmt.Errorf("afterwards a call is answered with status %d", a.status)
	}
	return err
}

func callersLeave(ctx context.Context, w *worker) error {
	return w.abandon(ctx, w.head(len(w.Body))+w.Body)
}

func halfRequest(ctx context.Context, w *worker) error {
	return w.abandon(ctx, w.head(len(w.Body)+1000)+w.Body)
}
