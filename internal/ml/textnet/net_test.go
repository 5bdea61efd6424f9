package textnet

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/ml/text"
)

// file writes weights as train.py does.
func file(rows, dim, filters int, widths []int, rng *rand.Rand) (string, *Net) {
	var b bytes.Buffer
	b.WriteString(magic)
	head := append([]int{1, rows, dim, filters, len(widths)}, widths...)
	for _, x := range head {
		binary.Write(&b, binary.LittleEndian, uint32(x))
	}
	draw := func(n int) []float32 {
		out := make([]float32, n)
		for i := range out {
			out[i] = float32(rng.NormFloat64()) * 0.5
		}
		binary.Write(&b, binary.LittleEndian, out)
		return out
	}
	n := &Net{rows: rows, dim: dim, filters: filters}
	n.scales = make([]float32, rows)
	for i := range n.scales {
		n.scales[i] = float32(rng.Float64()) / 64
	}
	binary.Write(&b, binary.LittleEndian, n.scales)
	for _, w := range widths {
		n.convolutions = append(n.convolutions, convolution{w, draw(w * dim * filters), draw(filters)})
	}
	n.attention = draw(dim)
	n.output = draw((len(widths)*filters + dim) * Classes)
	n.bias = draw(Classes)
	table := make([]byte, rows*dim)
	for i := range table {
		table[i] = byte(rng.IntN(255) - 127)
	}
	n.table = string(table)
	b.Write(table)
	return b.String(), n
}

// plainly is the network written out without shared work: the definition.
func plainly(n *Net, ids []int32) [Classes]float64 {
	at := func(t, j int) float64 {
		if t < 0 || t >= len(ids) {
			return 0
		}
		return float64(n.scales[ids[t]]) * float64(int8(n.table[int(ids[t])*n.dim+j]))
	}
	var features []float64
	for _, c := range n.convolutions {
		for f := range n.filters {
			best := 0.0
			for start := 1 - c.width; start < len(ids); start++ {
				h := float64(c.bias[f])
				for w := range c.width {
					for j := range n.dim {
						h += at(start+w, j) * float64(c.weights[(w*n.dim+j)*n.filters+f])
					}
				}
				best = max(best, h)
			}
			features = append(features, best)
		}
	}
	var sum float64
	average := make([]float64, n.dim)
	for t := range ids {
		a := 0.0
		for j := range n.dim {
			a += at(t, j) * float64(n.attention[j])
		}
		sum += math.Exp(a)
		for j := range n.dim {
			average[j] += math.Exp(a) * at(t, j)
		}
	}
	for _, v := range average {
		if sum > 0 {
			v /= sum
		}
		features = append(features, v)
	}
	var logits [Classes]float64
	for c := range logits {
		logits[c] = float64(n.bias[c])
		for i, f := range features {
			logits[c] += f * float64(n.output[i*Classes+c])
		}
	}
	return softmax(logits)
}

func TestClassifyAgreesWithTheDefinition(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	weights, want := file(40, 9, 11, []int{1, 2, 3, 4}, rng)
	n, err := New(weights)
	if err != nil {
		t.Fatal(err)
	}
	for tokens := range 12 {
		ids := make([]int32, tokens)
		for i := range ids {
			ids[i] = 1 + int32(rng.IntN(39))
		}
		got, want := n.Classify(ids), plainly(want, ids)
		for c := range got {
			if math.Abs(got[c]-want[c]) > 1e-4 {
				t.Errorf("%d tokens: got %v, want %v", tokens, got, want)
				break
			}
		}
	}
}

func TestClassifyBounds(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(2, 1))
	weights, _ := file(10, 4, 4, []int{1, 3}, rng)
	n, err := New(weights)
	if err != nil {
		t.Fatal(err)
	}
	if n.Classify([]int32{-1, 0, 3, 99}) != n.Classify([]int32{3}) {
		t.Error("ids outside the table count")
	}
	long := make([]int32, 3*MaxTokens)
	for i := range long {
		long[i] = 5
	}
	if n.Classify(long) != n.Classify(long[:MaxTokens]) {
		t.Error("tokens past MaxTokens count")
	}
}

func TestNewRefusesBrokenWeights(t *testing.T) {
	t.Parallel()
	good, _ := file(10, 4, 4, []int{1, 3}, rand.New(rand.NewPCG(3, 1)))
	for at := range len(good) {
		if _, err := New(good[:at]); err == nil {
			t.Fatalf("cut at %d: accepted", at)
		}
	}
	for name, w := range map[string]string{"longer": good + "x", "other": "GIF8" + good[4:], "version": good[:4] + "\x09" + good[5:], "rows": good[:8] + "\xff\xff\xff\xff" + good[12:]} {
		if _, err := New(w); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAppendTokens(t *testing.T) {
	t.Parallel()
	words := text.NewWordPiece("[PAD]\n[unused0]\n[unused1]\n[UNK]\ngood\nbad\nhttp\n:\n/\n3\n)\nx")
	id := func(s string) int32 { i, _ := words.ID(s); return i }
	for _, c := range []struct {
		in   string
		want []int32
	}{
		{"", nil},
		{"good :)", []int32{id("good"), PositiveID}},
		{":-( Bad 😡", []int32{NegativeID, id("bad"), NegativeID}},
		{"http://x", []int32{id("http"), id(":"), id("/"), id("/"), id("x")}},
		{"good:)", []int32{id("good"), PositiveID}},
		{"3:/3", []int32{id("3"), id(":"), id("/"), id("3")}},
		{"♥ 😹", []int32{PositiveID, PositiveID}},
		{"❤️❤", []int32{PositiveID, PositiveID}},
		{":)x", []int32{id(":"), id(")"), id("x")}},
	} {
		got := slices.DeleteFunc(AppendTokens(nil, words, c.in, 0), func(i int32) bool { return i == words.Unknown() })
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: got %v, want %v", c.in, got, c.want)
		}
	}
	if got := AppendTokens([]int32{9}, words, strings.Repeat("good :) ", 50), 7); len(got) != 8 || got[0] != 9 {
		t.Errorf("limit: %v", got)
	}
}

func BenchmarkClassify(b *testing.B) {
	weights, _ := file(1000, 64, 64, []int{1, 2, 3, 4}, rand.New(rand.NewPCG(1, 1)))
	n, err := New(weights)
	if err != nil {
		b.Fatal(err)
	}
	ids := make([]int32, 20)
	for i := range ids {
		ids[i] = int32(3 + i*7)
	}
	for b.Loop() {
		n.Classify(ids)
	}
}
