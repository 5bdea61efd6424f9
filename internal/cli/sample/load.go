package sample

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/client"
)

// version of the data; raising it loads them anew everywhere.
const version = 1

// Tenant is one that the data are loaded for.
type Tenant struct {
	Name string
	Key  string
	// Pace is the pause after each unit of cost, so that loading leaves the
	// tenant's own calls their share of the rate limit.
	Pace time.Duration
}

// Tenants are the demo tenants. The free one may spend 100 units a minute; half
// of that is left to whoever tries it meanwhile.
func Tenants() []Tenant {
	return []Tenant{
		{"demo-tenant-3", "demo-enterprise-key-abcdef", 0},
		{"demo-tenant-2", "demo-pro-key-67890", 0},
		{"demo-tenant-1", "demo-free-key-12345", 1200 * time.Millisecond},
	}
}

// Loader loads the data through the public API, once a tenant.
type Loader struct {
	URL string
	// Marker is a file that remembers who has the data.
	Marker string
	Log    *slog.Logger

	mu sync.Mutex
}

// loaded is the content of the marker: the version each tenant has.
type loaded map[string]int

// Load brings the data to each tenant that lacks them. Every step does no harm
// when it is done twice, so a load that was cut off is simply done again.
func (l *Loader) Load(ctx context.Context, tenants []Tenant) error {
	have, err := l.read()
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, len(tenants))
	for i, t := range tenants {
		if have[t.Name] >= version {
			continue
		}
		wg.Go(func() { errs[i] = l.tenant(ctx, t) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (l *Loader) tenant(ctx context.Context, t Tenant) error {
	begun := time.Now()
	c, err := client.New(l.URL, t.Key, client.WithRetries(10))
	if err != nil {
		return err
	}
	defer c.CloseIdleConnections()
	for _, s := range steps(c) {
		if err := s.run(ctx); err != nil {
			return fmt.Errorf("loading sample data for %s: %s: %w", t.Name, s.what, err)
		}
		if err := wait(ctx, time.Duration(s.units)*t.Pace); err != nil {
			return err
		}
	}
	if err := l.remember(t.Name); err != nil {
		return err
	}
	l.Log.Info("sample data loaded", "tenant", t.Name, "seconds", time.Since(begun).Round(time.Millisecond).Seconds())
	return nil
}

// step is one call and its cost in units.
type step struct {
	what  string
	units int
	run   func(context.Context) error
}

func steps(c *client.Client) []step {
	list := []step{
		{"catalogue", 1, func(ctx context.Context) error {
			_, err := c.PutItems(ctx, &api.RecommendItemsRequest{Items: Items()}, repeatable())
			return err
		}},
		{"interactions", 1, func(ctx context.Context) error {
			_, err := c.AddInteractions(ctx, &api.RecommendInteractionsRequest{Interactions: Interactions()}, repeatable())
			return err
		}},
		{"care guides", 1, func(ctx context.Context) error {
			_, err := c.UpsertVectors(ctx, &api.VectorsUpsertRequest{Items: Guides()}, repeatable())
			return err
		}},
	}
	for _, agent := range Agents() {
		list = append(list, step{"agent " + agent.AgentID, 1, func(ctx context.Context) error {
			_, err := c.RegisterAgent(ctx, &agent, repeatable())
			return err
		}})
	}
	return append(list, step{"training", 10, func(ctx context.Context) error {
		_, err := c.TrainRecommender(ctx, &api.RecommendTrainRequest{}, repeatable())
		return err
	}})
}

func repeatable() client.CallOption { return client.WithIdempotencyKey(client.NewIdempotencyKey()) }

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *Loader) read() (loaded, error) {
	raw, err := os.ReadFile(l.Marker)
	if errors.Is(err, fs.ErrNotExist) {
		return loaded{}, nil
	}
	have := loaded{}
	if err == nil && json.Unmarshal(raw, &have) != nil {
		return loaded{}, nil //nolint:nilerr // half a file, from a full disk: loading again does no harm
	}
	return have, err
}

// remember writes the marker by a rename, so that it is whole or absent.
func (l *Loader) remember(tenant string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	have, err := l.read()
	if err != nil {
		return err
	}
	have[tenant] = version
	raw, err := json.Marshal(have)
	if err != nil {
		return err
	}
	next := l.Marker + ".next"
	if err := os.WriteFile(next, append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("noting in %s that the sample data are loaded: %w", filepath.Base(l.Marker), err)
	}
	return os.Rename(next, l.Marker)
}
