package cli

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/internal/cli/cost"
	"github.com/omni-run/omni/internal/cli/table"
)

func (a *app) costCommand() *cobra.Command {
	l := cost.DefaultLoad()
	var requests, file string
	var detail, noCredit bool
	c := &cobra.Command{
		Use: "cost", Short: "Estimate a month's bill in four designs",
		Long: `Estimate a month's bill in US dollars: the design this project replaces, both
halves on Cloud Run, GKE alone, one virtual machine. List prices, dated and with
their source, come from a file (--prices); --detail shows every formula.
Traffic to the internet, logs, tax, databases and support are not in it.`,
		Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			var err error
			if l.Requests, err = quantity(requests); err != nil {
				return usagef("--requests: %w", err)
			}
			l.Credit = !noCredit
			if err := l.Validate(); err != nil {
				return usageError{err}
			}
			p, err := cost.Shipped()
			if file != "" {
				p, err = readPrices(file)
			}
			if err != nil {
				return err
			}
			return a.writeCosts(p, l, detail)
		},
	}
	flags := c.Flags()
	flags.StringVar(&requests, "requests", "1M", "requests a month, such as 250k or 10M")
	flags.Float64Var(&l.Milliseconds, "ms", l.Milliseconds, "milliseconds a worker computes for one")
	flags.Float64Var(&l.GatewayMilliseconds, "gateway-ms", l.GatewayMilliseconds, "milliseconds the gateway is busy beyond that")
	flags.Float64Var(&l.InFlight, "in-flight", l.InFlight, "requests that share a Cloud Run instance on average; 1 is the worst case")
	flags.Float64Var(&l.AnswerKB, "kb", l.AnswerKB, "size of a request and its answer, in KB")
	flags.Float64Var(&l.Warm, "warm", l.Warm, "instances of each half that Cloud Run keeps warm")
	flags.BoolVar(&noCredit, "no-credit", false, "the billing account has another GKE cluster already")
	flags.StringVar(&file, "prices", "", "a price file instead of the one shipped")
	flags.BoolVar(&detail, "detail", false, "show every position with its formula")
	return c
}

func readPrices(path string) (*cost.Prices, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, underlying(err))
	}
	p, err := cost.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

func (a *app) writeCosts(p *cost.Prices, l cost.Load, detail bool) error {
	estimates := cost.Estimates(p, l)
	t := table.New("design", "USD a month", "what it is")
	memory := false
	for _, e := range estimates {
		mark := ""
		if e.FromMemory {
			mark, memory = " *", true
		}
		t.Add(e.Design, fmt.Sprintf("%.2f%s", e.USD(), mark), e.About)
	}
	if err := a.printf("%.0f requests a month, %g ms each, %s, prices of %s to %s\n\n", l.Requests, l.Milliseconds, p.Region, oldest(p), newest(p)); err != nil {
		return err
	}
	if _, err := t.WriteTo(a.Stdout); err != nil {
		return err
	}
	if detail {
		for _, e := range estimates {
			lines := table.New(e.Design, "USD", "formula")
			for _, line := range e.Lines {
				lines.Add(line.What, fmt.Sprintf("%.2f", line.USD), line.Formula)
			}
			if err := a.printf("\n"); err != nil {
				return err
			}
			if _, err := lines.WriteTo(a.Stdout); err != nil {
				return err
			}
		}
	}
	if memory {
		return a.printf("\n  * with a unit price that was not compared with its source: look it up before you rely on it\n")
	}
	return nil
}

func oldest(p *cost.Prices) string { first, _ := p.Checked(); return first }
func newest(p *cost.Prices) string { _, last := p.Checked(); return last }

// quantity reads a count with an optional k, M or G.
func quantity(s string) (float64, error) {
	scale, text := 1.0, strings.TrimSpace(s)
	for suffix, by := range map[string]float64{"k": 1e3, "K": 1e3, "M": 1e6, "m": 1e6, "G": 1e9, "B": 1e9} {
		if rest, ok := strings.CutSuffix(text, suffix); ok {
			scale, text = by, rest
			break
		}
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no number such as 250k or 10M", s)
	}
	return v * scale, nil
}
