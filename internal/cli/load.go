package cli

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/client"
	"github.com/omni-run/omni/internal/cli/loadtest"
)

func (a *app) loadtestCommand() *cobra.Command {
	var o loadtest.Options
	var path, body, key string
	c := &cobra.Command{
		Use: "loadtest URL", Short: "Send one call over and over, and measure it",
		Long: `Send one call over and over, bounded in number and time. The key comes from
OMNI_API_KEY. Without --path it asks /health, which needs no key.`,
		Example: "  omni loadtest http://127.0.0.1:8080\n  OMNI_API_KEY=demo-enterprise-key-abcdef omni loadtest http://127.0.0.1:8080 \\\n    --path /sentiment/analyze --body '{\"text\":\"good\"}' --requests 500",
		Args:    exactly(1, "the gateway's URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Requests < 1 || o.Requests > 1_000_000 || o.Concurrent < 1 || o.Concurrent > 1000 || o.Duration <= 0 || o.Duration > 10*time.Minute {
				return usagef("want 1 to 1000000 --requests, 1 to 1000 at --concurrency, and a --duration of up to 10m")
			}
			transport := http.DefaultTransport.(*http.Transport).Clone()
			transport.MaxIdleConnsPerHost = o.Concurrent
			c, err := a.client(args[0], key, client.WithRetries(0), client.WithHTTPClient(&http.Client{Transport: transport}))
			if err != nil {
				return err
			}
			defer c.CloseIdleConnections()
			if _, err := c.Health(cmd.Context()); err != nil {
				return err
			}
			o.Call, o.Class = caller(c, path, body), failureClass
			r, err := loadtest.Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			if err := a.printf("%s", r); err != nil {
				return err
			}
			if r.Requests == 0 || r.Failed == r.Requests {
				return errors.New("no call succeeded")
			}
			return nil
		},
	}
	key = a.Getenv("OMNI_API_KEY")
	flags := c.Flags()
	flags.IntVar(&o.Requests, "requests", 1000, "at most so many calls")
	flags.IntVar(&o.Concurrent, "concurrency", 8, "so many at a time")
	flags.DurationVar(&o.Duration, "duration", 10*time.Second, "at most so long")
	flags.StringVar(&path, "path", "/health", "what to call")
	flags.StringVar(&body, "body", "", "JSON to POST (default: GET)")
	return c
}

func caller(c *client.Client, path, body string) func(context.Context) error {
	return func(ctx context.Context) error {
		if body == "" {
			_, err := c.Do(ctx, http.MethodGet, path, nil)
			return err
		}
		_, err := c.Do(ctx, http.MethodPost, path, rawJSON(body), client.WithCacheControl("no-store")) // the same call over and over: not the cache is measured
		return err
	}
}

// rawJSON is sent as it was typed.
type rawJSON string

// MarshalJSON implements json.Marshaler.
func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// failureClass groups failures by what the gateway called them.
func failureClass(err error) string {
	var e *client.Error
	if errors.As(err, &e) && e.Code != "" {
		return e.Code
	}
	// The text of these holds port numbers, of which no two are alike.
	var broken *net.OpError
	if errors.As(err, &broken) {
		return "connection broke at " + broken.Op
	}
	return err.Error()
}
