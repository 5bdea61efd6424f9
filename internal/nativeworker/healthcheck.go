package nativeworker

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/omni-run/omni/api"
)

// Healthcheck asks the worker that listens on this machine for its health; it
// is for containers that have no shell to run curl in. A worker whose services
// are not all ready, or that drains, is an error.
func Healthcheck(ctx context.Context, listen string) error {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("listen address %q: %w", listen, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort("127.0.0.1", port)+api.InternalPrefix+"/health", http.NoBody)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var health api.WorkerHealth
	if err := json.NewDecoder(res.Body).Decode(&health); err != nil {
		return fmt.Errorf("the worker answers %d without a health: %w", res.StatusCode, err)
	}
	if res.StatusCode != http.StatusOK || !health.ServicesReady {
		return fmt.Errorf("the worker is %s", health.Status)
	}
	return nil
}
