package textnet

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

func linearFile(bits int, bias []float32, set map[uint32][Classes]int8) string {
	var b bytes.Buffer
	b.WriteString(linearMagic)
	binary.Write(&b, binary.LittleEndian, []uint32{1, uint32(bits), math.Float32bits(0.5)})
	binary.Write(&b, binary.LittleEndian, bias)
	table := make([]int8, Classes<<bits)
	for at, w := range set {
		copy(table[int(at)*Classes:], w[:])
	}
	binary.Write(&b, binary.LittleEndian, table)
	return b.String()
}

// The buckets were computed by buckets() of models/sentiment/train/ngrams.py.
func TestBucketsAgreeWithTraining(t *testing.T) {
	t.Parallel()
	l := &linear{bits: 19}
	got := map[uint32]bool{}
	for h := range runs([]int32{2025, 2204, 30521}) {
		got[l.bucket(h)] = true
	}
	for _, want := range wantBuckets {
		if !got[want] {
			t.Errorf("no bucket %d in %v", want, got)
		}
	}
	if len(got) != len(wantBuckets) {
		t.Errorf("%d buckets, want %d", len(got), len(wantBuckets))
	}
}

func TestLinearLogits(t *testing.T) {
	t.Parallel()
	probe := &linear{bits: 10}
	var buckets []uint32
	for h := range runs([]int32{5, 6}) { // 5, 5·6, 6
		buckets = append(buckets, probe.bucket(h))
	}
	l, err := newLinear(linearFile(10, []float32{1, 2, 3}, map[uint32][Classes]int8{buckets[0]: {2, 0, 0}, buckets[1]: {0, -4, 0}, buckets[2]: {0, 0, 6}}))
	if err != nil {
		t.Fatal(err)
	}
	root := math.Sqrt(3)
	want := [Classes]float64{1 + 0.5*2/root, 2 - 0.5*4/root, 3 + 0.5*6/root}
	for c, x := range l.logits([]int32{5, 6}) {
		if math.Abs(x-want[c]) > 1e-9 {
			t.Errorf("class %d: %v, want %v", c, x, want[c])
		}
	}
	if l.logits(nil) != [Classes]float64{1, 2, 3} {
		t.Error("no ids do not give the bias")
	}
}

func TestNewBlendRefusesBrokenLinear(t *testing.T) {
	t.Parallel()
	net, _ := file(10, 4, 4, []int{1, 3}, rand.New(rand.NewPCG(3, 1)))
	good := linearFile(4, []float32{1, 2, 3}, nil)
	if _, err := NewBlend(net, good); err != nil {
		t.Fatal(err)
	}
	for at := range len(good) {
		if _, err := NewBlend(net, good[:at]); err == nil {
			t.Fatalf("cut at %d: accepted", at)
		}
	}
	if _, err := NewBlend(net[:9], good); err == nil {
		t.Error("a broken network was accepted")
	}
}

var wantBuckets = []uint32{93451, 161965, 169160, 240645, 270395, 285565}
