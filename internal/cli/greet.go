package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/cli/terminal"
)

// awaitReady asks the worker itself until all its services are loaded.
func (s *stack) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	h := &http.Client{Timeout: 2 * time.Second}
	defer h.CloseIdleConnections()
	for {
		health, err := s.health(ctx, h)
		if err == nil && health.ServicesReady {
			return nil
		}
		if err == nil && health.Status == api.WorkerOK {
			return fmt.Errorf("these services failed to load: %s", strings.Join(failed(health), ", "))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func failed(h api.WorkerHealth) (names []string) {
	for name, s := range h.Services {
		if s.State == api.StateFailed {
			names = append(names, name)
		}
	}
	return names
}

func (s *stack) health(ctx context.Context, h *http.Client) (out api.WorkerHealth, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.where+api.InternalPrefix+"/health", http.NoBody)
	if err != nil {
		return out, err
	}
	req.Header.Set(api.HeaderWorkerToken, s.token)
	res, err := h.Do(req)
	if err != nil {
		return out, err
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	return out, json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&out)
}

// greet says where everything is. The call it prints works as it stands.
func (s *stack) greet(took time.Duration) error {
	t := s.app.out
	var b strings.Builder
	line := func(label, format string, args ...any) {
		fmt.Fprintf(&b, "  %s  %s\n", t.Paint(terminal.Dim, fmt.Sprintf("%-6s", label)), fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(&b, "\n%s  ready in %.2f s\n\n", t.Paint(terminal.Bold, "Omni is up: "+s.url), took.Seconds())
	line("keys", "demo-free-key-12345         free, 100 requests a minute (demo-tenant-1)")
	line("", "demo-pro-key-67890          pro, 1,000 (demo-tenant-2)")
	line("", "demo-enterprise-key-abcdef  enterprise, 10,000 (demo-tenant-3)")
	line("docs", "%s/docs", s.url)
	line("data", "%s", s.config.DataDir)
	demo := "omni demo"
	if s.url != "http://127.0.0.1:8080" {
		demo += " --url " + s.url
	}
	line("next", "%s   calls every capability; Ctrl-C stops this", demo)
	fmt.Fprintf(&b, "\n%s\n\n", exampleCall(s.url))
	_, err := io.WriteString(s.app.Stdout, b.String())
	return err
}

// exampleCall is a forecast of the sixteen points of the documentation.
func exampleCall(url string) string {
	return `  curl -s ` + url + `/predict/revenue-lstm \
    -H 'X-API-Key: demo-pro-key-67890' -H 'Content-Type: application/json' \
    -d '{"time_series":[100,120,115,130,125,140,135,150,145,160,155,170,165,180,175,190],"forecast_steps":5,"sequence_length":10}'`
}
