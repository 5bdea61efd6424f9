package cost_test

import (
	"math"
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/cli/cost"
	"pgregory.net/rapid"
)

func prices(t *testing.T) *cost.Prices {
	t.Helper()
	p, err := cost.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func estimate(p *cost.Prices, l cost.Load, design string) cost.Estimate {
	for _, e := range cost.Estimates(p, l) {
		if e.Design == design {
			return e
		}
	}
	panic("no design " + design)
}

// Worked by hand from the published formulas and the same unit prices.
func TestWorkedExamples(t *testing.T) {
	t.Parallel()
	p := prices(t)
	for _, c := range []struct {
		design       string
		requests, ms float64
		inFlight     float64
		credit       bool
		usd          float64
	}{
		{"cloud-run", 1e5, 200, 1, true, 0},
		{"cloud-run", 1e6, 50, 1, true, 0},
		{"cloud-run", 1e6, 200, 1, true, 5.52},
		{"cloud-run", 1e7, 50, 1, true, 29.38},
		{"cloud-run", 1e7, 200, 1, true, 104.19},
		{"cloud-run", 1e7, 50, 10, true, 7.20},
		{"cloud-run", 1e7, 200, 10, true, 12.72},
		{"original", 1e5, 50, 1, true, 193.03},
		{"original", 1e5, 50, 1, false, 266.03},
	} {
		l := cost.DefaultLoad()
		l.Requests, l.Milliseconds, l.InFlight, l.Credit = c.requests, c.ms, c.inFlight, c.credit
		e := estimate(p, l, c.design)
		if math.Abs(e.USD()-c.usd) > 0.006 {
			t.Errorf("%s, %g x %g ms, %g in flight: want %.2f, got %.4f %+v", c.design, c.requests, c.ms, c.inFlight, c.usd, e.USD(), e.Lines)
		}
	}
}

func TestWarmInstances(t *testing.T) {
	t.Parallel()
	l := cost.DefaultLoad()
	l.Warm = 1
	if e := estimate(prices(t), l, "cloud-run"); math.Abs(e.USD()-(9.86+8.21)) > 0.01 {
		t.Errorf("%.3f %+v", e.USD(), e.Lines)
	}
}

// More work never costs less, and no line is negative.
func TestMoreCostsMore(t *testing.T) {
	t.Parallel()
	p := prices(t)
	rapid.Check(t, func(t *rapid.T) {
		l := cost.DefaultLoad()
		l.Requests = rapid.Float64Range(0, 1e11).Draw(t, "requests")
		l.Milliseconds = rapid.Float64Range(0, 10_000).Draw(t, "ms")
		l.InFlight = rapid.Float64Range(1, 80).Draw(t, "in flight")
		more := l
		more.Requests *= 1 + rapid.Float64Range(0, 3).Draw(t, "growth")
		a, b := cost.Estimates(p, l), cost.Estimates(p, more)
		for i := range a {
			if b[i].USD() < a[i].USD()-1e-9 {
				t.Fatalf("%s: %g for %g, %g for %g", a[i].Design, a[i].USD(), l.Requests, b[i].USD(), more.Requests)
			}
			for _, line := range a[i].Lines {
				if !(line.USD >= 0) || math.IsInf(line.USD, 0) {
					t.Fatalf("%+v", line)
				}
			}
		}
	})
}

func TestBadPrices(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"hours: 730\n":                 "needs usd",
		"hours: 0\n":                   "hours is 0",
		"hours: 730\ntypo: 1\n":        "typo",
		"run_vcpu_second: {usd: dear}": "reading prices",
	} {
		if _, err := cost.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestBadLoads(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*cost.Load){
		func(l *cost.Load) { l.Requests = -1 },
		func(l *cost.Load) { l.Milliseconds = math.NaN() },
		func(l *cost.Load) { l.InFlight = 0 },
		func(l *cost.Load) { l.Warm = math.Inf(1) },
	} {
		l := cost.DefaultLoad()
		change(&l)
		if l.Validate() == nil {
			t.Errorf("%+v is accepted", l)
		}
	}
}
