package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/client"
	"github.com/omni-run/omni/internal/cli/terminal"
)

// demoKey is the demo key of the tenant with the widest limits.
const demoKey = "demo-enterprise-key-abcdef"

func (a *app) demoCommand() *cobra.Command {
	var url, key string
	var ascii bool
	c := &cobra.Command{
		Use: "demo", Short: "Call every capability of a running gateway, on sample data",
		Long: `Call every capability of a running gateway with sample data, and show what
it answers. It writes a small catalogue, care guides and agents into the key's
tenant. The key is --key, else OMNI_API_KEY, else a demo key.`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if key == "" {
				key = a.Getenv("OMNI_API_KEY")
			}
			if key == "" {
				key = demoKey
			}
			c, err := a.client(url, key)
			if err != nil {
				return err
			}
			defer c.CloseIdleConnections()
			d := &demo{app: a, c: c, ascii: ascii || !a.out.Unicode}
			return d.run(cmd.Context())
		},
	}
	flags := c.Flags()
	flags.StringVar(&url, "url", "", "the gateway; also OMNI_URL (default http://127.0.0.1:8080)")
	flags.StringVar(&key, "key", "", "API key; better in OMNI_API_KEY, where others cannot see it")
	flags.BoolVar(&ascii, "ascii", false, "draw with plain letters")
	return c
}

// demo calls one capability after the other.
type demo struct {
	app   *app
	c     *client.Client
	ascii bool
}

// act is one capability's part: it returns what to show.
type act struct {
	name string
	path string
	play func(context.Context) (string, error)
}

func (d *demo) acts() []act {
	return []act{
		{"forecast", "POST /predict/revenue-lstm", d.forecast},
		{"revenue", "POST /predict/revenue", d.revenue},
		{"back-test", "POST /predict/backtest", d.backtest},
		{"churn", "POST /predict/churn", d.churn},
		{"anomalies in a series", "POST /anomaly/detect", d.anomalies},
		{"anomalies among rows", "POST /anomaly/isolation-forest", d.rows},
		{"recommendations", "POST /recommend/products", d.recommend},
		{"sentiment", "POST /sentiment/analyze", d.sentiment},
		{"search by meaning", "POST /vectors/query", d.vectors},
		{"a plan for a team", "POST /swarm/coordinate", d.plan},
		{"agents", "POST /agents/observe", d.agents},
		{"reasoning", "POST /agi/process", d.reason},
		{"models", "GET /models", d.models},
		{"a job", "Prefer: respond-async", d.job},
		{"usage", "GET /usage", d.usage},
	}
}

// run plays every act though some fail, and fails if any did.
func (d *demo) run(ctx context.Context) error {
	health, err := d.c.Health(ctx, client.WithRequestID("omni-demo"))
	if err != nil {
		return err
	}
	t := d.app.out
	if err := d.app.printf("%s %s at %s, %d of %d workers ready\n", health.Service, health.Version, d.c.URL(), health.Workers.Ready, health.Workers.Total); err != nil {
		return err
	}
	failed := 0
	for _, act := range d.acts() {
		begun := time.Now()
		text, err := act.play(ctx)
		took := time.Since(begun)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		mark, style := "ok", terminal.Green
		if err != nil {
			failed++
			mark, style, text = "FAILED", terminal.Red, "  "+oneLine(explain(err))+"\n"
		}
		if err := d.app.printf("\n%s %s  %s\n%s", t.Paint(style, mark), t.Paint(terminal.Bold, act.name),
			t.Paint(terminal.Dim, fmt.Sprintf("%s, %d ms", act.path, took.Milliseconds())), text); err != nil {
			return err
		}
		if connectionLost(err) {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d capabilities failed", failed, len(d.acts()))
	}
	return d.app.printf("\nall %d answered\n", len(d.acts()))
}

// connectionLost: the rest would fail in the same way.
func connectionLost(err error) bool {
	var e *client.Error
	var j *client.JobError
	return err != nil && !errors.As(err, &e) && !errors.As(err, &j) && !errors.Is(err, errOdd)
}

// errOdd marks answers that came and are not what they should be.
var errOdd = errors.New("unexpected answer")

func odd(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errOdd}, args...)...)
}
