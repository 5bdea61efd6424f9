package gateway

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/config"
)

func listen(ctx context.Context, address string) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", address)
}

func settings(t *testing.T) config.Config {
	t.Helper()
	c, err := config.Load("", func(name string) string {
		return map[string]string{"OMNI_MODE": "development", "OMNI_LISTEN": "127.0.0.1:0", "OMNI_DATA_DIR": filepath.Join(t.TempDir(), "data")}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestStoppedAtAnyMoment: told to stop before, while, and after the stores
// open, a gateway ends without a word of complaint.
func TestStoppedAtAnyMoment(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond, 300 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			stopped := func(_ context.Context, address string) (net.Listener, error) { return listen(t.Context(), address) }
			if err := Run(ctx, settings(t), nil, "test", io.Discard, stopped); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestStoresThatCannotBeOpenedAreNamed(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"sqlite", "file"} {
		c := settings(t)
		c.Keys.Store, c.Keys.Path = kind, filepath.Join(t.TempDir(), "keys")
		if err := os.MkdirAll(filepath.Join(c.Keys.Path, "in the way"), 0o700); err != nil {
			t.Fatal(err)
		}
		err := Run(t.Context(), c, nil, "test", io.Discard, listen)
		if err == nil || !strings.Contains(err.Error(), c.Keys.Path) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
