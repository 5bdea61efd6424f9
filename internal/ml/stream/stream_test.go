package stream_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/ml/stream"
)

var start = time.Date(2026, time.March, 2, 0, 0, 0, 0, time.UTC)

const step = 5 * time.Minute

// score runs a fresh detector over a series of five-minute points.
func score(values []float64) []stream.Point {
	d := stream.New()
	out := make([]stream.Point, len(values))
	for i, v := range values {
		out[i] = d.Push(start.Add(time.Duration(i)*step), v)
	}
	return out
}

// daily is a day's wave with Gaussian noise: three weeks of it.
func daily(seed uint64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 1))
	x := make([]float64, 21*288)
	for i := range x {
		x[i] = 100 + 20*math.Sin(2*math.Pi*float64(i)/288) + rng.NormFloat64()
	}
	return x
}

// alarms lists the points from `from` to before `to` with a score of 0.5 or more.
func alarms(points []stream.Point, from, to int) []int {
	var list []int
	for i := from; i < to; i++ {
		if points[i].Score >= 0.5 {
			list = append(list, i)
		}
	}
	return list
}

// TestEvents: what happens at point 4000 is told within a day, soon for the
// sudden ones, and by few alarms.
func TestEvents(t *testing.T) {
	t.Parallel()
	const at = 4000
	for name, c := range map[string]struct {
		change func(x []float64)
		within int
	}{
		"spike up":               {func(x []float64) { x[at] += 40 }, 1},
		"spike down":             {func(x []float64) { x[at] -= 60 }, 1},
		"spike inside the range": {func(x []float64) { x[at] += 25 * sign(100-x[at]) }, 16},
		"level shift":            {func(x []float64) { add(x[at:], 30) }, 12},
		"level shift within the range": {func(x []float64) {
			for i := at; i < len(x); i++ {
				x[i] = 100 + (x[i]-100)/4
			}
		}, 288},
		"faster season": {func(x []float64) {
			for i := at; i < len(x); i++ {
				x[i] = 100 + 20*math.Sin(2*math.Pi*float64(i)/24)
			}
		}, 24},
		"season upside down": {func(x []float64) {
			for i := at; i < len(x); i++ {
				x[i] = 200 - x[i]
			}
		}, 288},
		"tenfold noise": {func(x []float64) {
			rng := rand.New(rand.NewPCG(9, 9))
			for i := at; i < len(x); i++ {
				x[i] += 10 * rng.NormFloat64()
			}
		}, 8},
		"stuck": {func(x []float64) {
			for i := at; i < len(x); i++ {
				x[i] = x[at]
			}
		}, 288},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := daily(7)
			c.change(x)
			got := alarms(score(x), at, at+c.within)
			if len(got) == 0 {
				t.Fatalf("no alarm within %d points", c.within)
			}
			if more := alarms(score(x), at, at+288); len(more) > 25 {
				t.Errorf("%d alarms in the first day", len(more))
			}
		})
	}
}

func sign(x float64) float64 { return math.Copysign(1, x) }

func add(x []float64, by float64) {
	for i := range x {
		x[i] += by
	}
}

// TestSecondAnomalyOfItsKind: a spike as great as one two days before is told.
func TestSecondAnomalyOfItsKind(t *testing.T) {
	t.Parallel()
	x := daily(3)
	x[4000] += 60
	x[4600] += 60
	points := score(x)
	for _, at := range []int{4000, 4600} {
		if points[at].Score < 0.5 {
			t.Errorf("spike at %d scores %.3f", at, points[at].Score)
		}
	}
}

// TestOneEventIsToldOnce: a plateau of 80 points alarms at its beginning, not
// throughout.
func TestOneEventIsToldOnce(t *testing.T) {
	t.Parallel()
	x := daily(4)
	add(x[4000:4080], 80)
	got := alarms(score(x), 4000, 4080)
	if len(got) == 0 || got[0] != 4000 || len(got) > 12 {
		t.Errorf("alarms at %v, want the first at 4000 and at most a dozen", got)
	}
}

// TestFalseAlarms counts alarms where nothing happens, behind the first day.
func TestFalseAlarms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		draw func(rng *rand.Rand, i int) float64
		most float64 // share of points
	}{
		"gaussian":    {func(rng *rand.Rand, _ int) float64 { return rng.NormFloat64() }, 0.004},
		"uniform":     {func(rng *rand.Rand, _ int) float64 { return rng.Float64() }, 0.004},
		"exponential": {func(rng *rand.Rand, _ int) float64 { return rng.ExpFloat64() }, 0.004},
		"counts":      {func(rng *rand.Rand, _ int) float64 { return math.Floor(5 * rng.ExpFloat64()) }, 0.004},
		"daily": {func(rng *rand.Rand, i int) float64 {
			return 20*math.Sin(2*math.Pi*float64(i)/288) + rng.NormFloat64()
		}, 0.004},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, points := 0, 0
			for seed := range uint64(5) {
				rng := rand.New(rand.NewPCG(seed, 2))
				x := make([]float64, 21*288)
				for i := range x {
					x[i] = c.draw(rng, i)
				}
				found += len(alarms(score(x), 288, len(x)))
				points += len(x) - 288
			}
			share := float64(found) / float64(points)
			t.Logf("%.3f %% of points", 100*share)
			if share > c.most {
				t.Errorf("%.3f %% of points alarm, want at most %.3f %%", 100*share, 100*c.most)
			}
		})
	}
}

func TestFlatLineAndWhatEndsIt(t *testing.T) {
	t.Parallel()
	x := make([]float64, 2000)
	for i := range x {
		x[i] = 42
	}
	x[1500] = 43
	points := score(x)
	for i, p := range points[:1500] {
		if p.Score != 0 || p.Feature != stream.None {
			t.Fatalf("flat point %d: %+v", i, p)
		}
	}
	if p := points[1500]; p.Score < 0.9 || p.Expected != 42 || p.Feature == stream.None {
		t.Errorf("first other value: %+v", p)
	}
	if got := alarms(points, 1500, 2000); len(got) > 20 {
		t.Errorf("%d alarms after one step", len(got))
	}
}

func TestUnitsDoNotMatter(t *testing.T) {
	t.Parallel()
	x := daily(5)
	x[3000] += 30
	want := score(x)
	for _, scale := range []float64{0x1p-300, 0x1p20, 0x1p300, -1} { // exact in binary
		y := make([]float64, len(x))
		for i := range x {
			y[i] = x[i] * scale
		}
		for i, p := range score(y) {
			if math.Abs(p.Score-want[i].Score) > 1e-9 {
				t.Fatalf("times %g: point %d scores %v, want %v", scale, i, p.Score, want[i].Score)
			}
		}
	}
}

func TestGapsTeachNothing(t *testing.T) {
	t.Parallel()
	with, without := stream.New(), stream.New()
	for i, v := range daily(6) {
		at := start.Add(time.Duration(i) * step)
		if i%7 == 0 {
			if p := with.Push(at, math.NaN()); p.Score != 0 || p.Feature != stream.None {
				t.Fatalf("gap %d: %+v", i, p)
			}
		}
		if a, b := with.Push(at, v), without.Push(at, v); !same(a, b) {
			t.Fatalf("point %d: %+v after gaps, %+v without", i, a, b)
		}
	}
	if with.Count() != without.Count() {
		t.Errorf("%d values counted, want %d", with.Count(), without.Count())
	}
}

// same compares points, an Expected that is NaN being equal to itself.
func same(a, b stream.Point) bool {
	return a.Score == b.Score && a.Feature == b.Feature &&
		math.Float64bits(a.Expected) == math.Float64bits(b.Expected)
}

func TestExpected(t *testing.T) {
	t.Parallel()
	d := stream.New()
	if p := d.Push(start, 5); !math.IsNaN(p.Expected) {
		t.Errorf("first point: expected %v, want NaN", p.Expected)
	}
	if p := d.Push(start.Add(time.Hour), 7); p.Expected != 5 {
		t.Errorf("a new hour: expected %v, want the mean before, 5", p.Expected)
	}
	if p := d.Push(start.Add(7*24*time.Hour), 9); p.Expected != 5 {
		t.Errorf("the same hour a week on: expected %v, want 5", p.Expected)
	}
}

// TestAnyInput: whatever comes, scores are in [0, 1], and expectations finite
// once there was a value.
func TestAnyInput(t *testing.T) {
	t.Parallel()
	values := rapid.OneOf(
		rapid.Float64(), rapid.Float64Range(-1, 1),
		rapid.SampledFrom([]float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), 1e300, -1e300, 1e-300, math.MaxFloat64, math.SmallestNonzeroFloat64}),
	)
	rapid.Check(t, func(rt *rapid.T) {
		d := stream.New()
		at := start
		for i, v := range rapid.SliceOfN(values, 60, 300).Draw(rt, "values") {
			at = at.Add(time.Duration(rapid.Int64Range(-1e12, 1e15).Draw(rt, "step")))
			known := d.Count() > 0
			p := d.Push(at, v)
			if !(p.Score >= 0 && p.Score <= 1) || known == math.IsNaN(p.Expected) || math.IsInf(p.Expected, 0) {
				rt.Fatalf("point %d, %v: %+v", i, v, p)
			}
			if (p.Score == 0) != (p.Feature == stream.None) {
				rt.Fatalf("point %d: score %v by %v", i, p.Score, p.Feature)
			}
		}
	})
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*stream.Config){
		"fading 0":     func(c *stream.Config) { c.Fading = 0 },
		"fading NaN":   func(c *stream.Config) { c.Fading = math.NaN() },
		"raise 1.1":    func(c *stream.Config) { c.Raise = 1.1 },
		"raise NaN":    func(c *stream.Config) { c.Raise = math.NaN() },
		"event 0":      func(c *stream.Config) { c.Event = 0 },
		"event 1e9 +1": func(c *stream.Config) { c.Event = 1e9 + 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := stream.DefaultConfig()
			change(&c)
			if _, err := stream.NewWith(c); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func BenchmarkPush(b *testing.B) {
	x, d := daily(8), stream.New()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d.Push(start.Add(time.Duration(i)*step), x[i%len(x)])
	}
}
