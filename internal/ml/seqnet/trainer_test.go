package seqnet

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// echo is a task only memory solves: say what was heard lag steps ago.
func echo(rng *rand.Rand, size, steps, lag int) (Batch, Targets) {
	b := Batch{Size: size, Steps: steps, X: normal(rng, size*steps)}
	y := Targets{Values: make([]float32, size)}
	copy(y.Values, b.X[(steps-1-lag)*size:(steps-lag)*size])
	return b, y
}

func TestLearnsToRemember(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	net, err := New(Config{Inputs: 1, Hidden: 12, Blocks: [][]int{{1, 2}}, Outputs: 1}, rng)
	if err != nil {
		t.Fatal(err)
	}
	const steps = 250
	trainer := NewTrainer(net, Training{Loss: Huber(math.Inf(1)), Rate: Cosine(0.02, 0.1, 10, steps), ClipNorm: 1})
	first, last := 0.0, 0.0
	for i := range steps {
		b, y := echo(rng, 24, 8, 3)
		r := trainer.Step(b, y)
		if i < 20 {
			first += r.Loss / 20
		}
		if i >= steps-20 {
			last += r.Loss / 20
		}
	}
	if last > first/20 {
		t.Errorf("the loss went from %v to %v only", first, last)
	}
}

// TestQuantilesCover trains on a target without anything to learn but its
// distribution, standard normal, whose quantiles are known.
func TestQuantilesCover(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(2, 1))
	levels := []float64{0.1, 0.5, 0.9}
	net, err := New(Config{Inputs: 1, Hidden: 4, Blocks: [][]int{{1}}, Outputs: 1, Quantiles: levels}, rng)
	if err != nil {
		t.Fatal(err)
	}
	trainer := NewTrainer(net, Training{Loss: Pinball(levels), Rate: Cosine(0.05, 0.01, 0, 250)})
	for range 250 {
		b := Batch{Size: 256, Steps: 2, X: make([]float32, 512)}
		trainer.Step(b, Targets{Values: normal(rng, 256)})
	}
	out := net.Forward(&Workspace{}, Batch{Size: 1, Steps: 2, X: make([]float32, 2)}, nil)
	for i, want := range []float64{-1.2816, 0, 1.2816} {
		if math.Abs(float64(out[i])-want) > 0.1 {
			t.Errorf("quantile %v is %v, want %v", levels[i], out[i], want)
		}
	}
}

func trained(t *testing.T, procs, shards int, seed uint64) []float32 {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
	rng := rand.New(rand.NewPCG(3, 3))
	net, err := New(Config{Inputs: 1, Hidden: 9, Blocks: [][]int{{1, 2}, {4}}, Residual: true, Attention: 5, HeadHidden: 7, Outputs: 2, Highway: 2, Quantiles: []float64{0.2, 0.7}}, rng)
	if err != nil {
		t.Fatal(err)
	}
	trainer := NewTrainer(net, Training{
		Loss: Pinball(net.Quantiles), Rate: Constant(0.01), Adam: Adam{Decay: 0.01}, ClipNorm: 0.5, Dropout: 0.2, Shards: shards, Seed: seed,
	})
	for range 12 {
		const size, steps = 22, 13
		b := Batch{Size: size, Steps: steps, Answers: 4, X: normal(rng, size*steps), Present: make([]bool, size*steps)}
		for i := range b.Present {
			b.Present[i] = rng.IntN(4) > 0
		}
		y := Targets{Values: normal(rng, size*4*2)}
		y.Values[3] = float32(math.NaN())
		trainer.Step(b, y)
	}
	return net.Weights
}

func TestTrainingRepeatsAtAnyGOMAXPROCS(t *testing.T) {
	one := trained(t, 1, 5, 1)
	for _, procs := range []int{2, 4, 1} {
		if !slices.Equal(one, trained(t, procs, 5, 1)) {
			t.Errorf("GOMAXPROCS %d gives other weights", procs)
		}
	}
	if slices.Equal(one, trained(t, 1, 5, 2)) {
		t.Error("the seed changes nothing")
	}
}

func TestUnknownTargetsCostNothing(t *testing.T) {
	t.Parallel()
	nan := float32(math.NaN())
	grad := make([]float32, 4)
	y := Targets{Values: []float32{nan, 1, nan, 3}, Weights: []float32{1, 1, 1, 2}}
	if sum := Huber(1)([]float32{9, 2, 9, 3.5}, y, 1, grad); sum != 0.5+2*0.125 || !slices.Equal(grad, []float32{0, 1, 0, 1}) {
		t.Errorf("Huber: %v, %v", sum, grad)
	}
	if sum := Pinball([]float64{0.25})([]float32{9, 2, 9, 2}, y, 1, grad); sum != 0.75+2*0.25 || !slices.Equal(grad, []float32{0, 0.75, 0, -0.5}) {
		t.Errorf("Pinball: %v, %v", sum, grad)
	}
	if m := y.mass(1); m != 3 {
		t.Errorf("mass %v", m)
	}
	net, err := New(Config{Inputs: 1, Hidden: 2, Blocks: [][]int{{1}}, Outputs: 1}, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(net.Weights)
	r := NewTrainer(net, Training{Loss: Huber(1), Rate: Constant(1)}).Step(Batch{Size: 1, Steps: 1, X: []float32{1}}, Targets{Values: []float32{nan}})
	if r.Loss != 0 || !slices.Equal(before, net.Weights) {
		t.Errorf("a batch without targets: %+v", r)
	}
}

func TestSchedules(t *testing.T) {
	t.Parallel()
	c := Cosine(1, 0.1, 4, 104)
	for step, want := range map[int]float64{0: 0.25, 3: 1, 4: 1, 54: 0.55, 104: 0.1, 1000: 0.1} {
		if math.Abs(c(step)-want) > 1e-12 {
			t.Errorf("cosine at %d: %v, want %v", step, c(step), want)
		}
	}
	s := Steps(1, 0.5, 10, 20)
	if s(9) != 1 || s(10) != 0.5 || s(20) != 0.25 {
		t.Errorf("steps: %v %v %v", s(9), s(10), s(20))
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	g := []float32{3, 4}
	if had := Clip(g, 10); had != 5 || g[0] != 3 {
		t.Errorf("%v, %v", had, g)
	}
	if had := Clip(g, 1); had != 5 || math.Abs(float64(g[0])-0.6) > 1e-6 {
		t.Errorf("%v, %v", had, g)
	}
	g[1] = float32(math.Inf(1))
	if had := Clip(g, 1); !math.IsInf(had, 1) || g[0] != 0 || g[1] != 0 {
		t.Errorf("%v, %v", had, g)
	}
}
