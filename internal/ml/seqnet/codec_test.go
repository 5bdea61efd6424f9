package seqnet

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

func encoded(t testing.TB, n *Network, p Precision) []byte {
	t.Helper()
	data, err := n.Encode(p, json.RawMessage(`{"scale":2}`))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, s := range shapes {
		for _, p := range []struct {
			precision Precision
			// tolerance is relative to the largest weight of the column.
			tolerance float64
		}{{Float32, 0}, {Float16, 0x1p-11}, {Int8, 0.5/127 + 1e-6}} {
			t.Run(s.name+" "+string(p.precision), func(t *testing.T) {
				t.Parallel()
				e := newExample(t, s.config, s.answers, s.masked, 6)
				got, extra, err := Decode(encoded(t, e.net, p.precision))
				if err != nil {
					t.Fatal(err)
				}
				if string(extra) != `{"scale":2}` || got.Width() != e.net.Width() || got.Layers() != e.net.Layers() || got.Attention != e.net.Attention {
					t.Fatalf("extra %s, config %+v", extra, got.Config)
				}
				for _, part := range e.net.Parts() {
					for c := range part.Cols {
						column := func(n *Network) (x []float64) {
							for r := range part.Rows {
								x = append(x, float64(n.Weights[part.Offset+r*part.Cols+c]))
							}
							return x
						}
						want, have := column(e.net), column(got)
						top := max(slices.Max(want), -slices.Min(want))
						for i, w := range want {
							if math.Abs(have[i]-w) > p.tolerance*top {
								t.Fatalf("%s[%d,%d] is %v, want %v", part.Name, i, c, have[i], w)
							}
						}
					}
				}
				again, err := got.Encode(p.precision, extra)
				if err != nil || (p.precision != Int8 && !bytes.Equal(again, encoded(t, e.net, p.precision))) {
					t.Errorf("encoded again it differs (%v)", err)
				}
			})
		}
	}
}

// TestMappedWeightsAreNotCopied puts a file where a map would: at a page.
func TestMappedWeightsAreNotCopied(t *testing.T) {
	t.Parallel()
	e := newExample(t, shapes[2].config, 1, false, 7)
	data := encoded(t, e.net, Float32)
	page := make([]byte, len(data)+64)
	page = page[-uintptr(unsafe.Pointer(&page[0]))&63:][:len(data)]
	copy(page, data)
	n, _, err := Decode(page)
	if err != nil {
		t.Fatal(err)
	}
	from, at := uintptr(unsafe.Pointer(&page[0])), uintptr(unsafe.Pointer(&n.Weights[0]))
	if at < from || at >= from+uintptr(len(page)) {
		t.Error("the weights were copied")
	}
	if at%alignment != 0 {
		t.Errorf("the weights lie at %d beyond a multiple of %d", at%alignment, alignment)
	}
	odd := make([]byte, len(page)+1)[1:]
	copy(odd, data)
	if m, _, err := Decode(odd); err != nil || !slices.Equal(m.Weights, n.Weights) {
		t.Errorf("unaligned: %v", err)
	}
}

// forged is a file with another header and the right hash.
func forged(header string, body []byte) []byte {
	out := append([]byte(nil), magic...)
	out = binary.LittleEndian.AppendUint32(out, formatVersion)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(header)))
	out = append(padded(append(out, header...)), body...)
	sum := sha256.Sum256(out)
	return append(out, sum[:]...)
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	e := newExample(t, shapes[0].config, 1, false, 8)
	good := encoded(t, e.net, Float32)
	header := func(weights, hidden string) string {
		return `{"config":{"inputs":1,"hidden":` + hidden + `,"blocks":[[1]],"residual":false,"attention":0,"head_hidden":0,"highway":0,"outputs":1},"precision":"float32","weights":` + weights + `}`
	}
	nan := make([]byte, 4*len(e.net.Weights))
	binary.LittleEndian.PutUint32(nan, 0x7fc00000)
	for name, data := range map[string][]byte{
		"empty":            nil,
		"short":            good[:40],
		"magic":            append([]byte("x"), good[1:]...),
		"flipped bit":      append(append(slices.Clone(good[:100]), good[100]^1), good[101:]...),
		"cut":              good[:len(good)-4],
		"version":          append(append(slices.Clone(good[:8]), 9), good[9:]...),
		"long header":      append(append(slices.Clone(good[:12]), 255, 255, 255, 255), good[16:]...),
		"no JSON":          forged("{", nil),
		"unknown field":    forged(`{"surprise":1}`, nil),
		"precision":        forged(`{"config":{"inputs":1,"hidden":1,"blocks":[[1]],"outputs":1},"precision":"int4","weights":14}`, nil),
		"hidden":           forged(header("1", "100000"), nil),
		"count":            forged(header("1", "3"), make([]byte, 4)),
		"too few weights":  forged(header("64", "3"), make([]byte, 4)),
		"NaN":              forged(header("64", "3"), nan),
		"negative outputs": forged(`{"config":{"inputs":1,"hidden":1,"blocks":[[1]],"outputs":-1},"precision":"int8","weights":0}`, nil),
	} {
		if _, _, err := Decode(data); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, want ErrFormat", name, err)
		}
	}
	if _, _, err := Decode(forged(header("64", "3"), make([]byte, 4*64))); err != nil {
		t.Errorf("the header these tests start from is itself refused: %v", err)
	}
	if _, err := e.net.Encode("int4", nil); err == nil {
		t.Error("an unknown precision was written")
	}
}

// TestHalf goes through every binary16 there is, and checks rounding against
// the distance to the neighbours.
func TestHalf(t *testing.T) {
	t.Parallel()
	for h := range 1 << 16 {
		f := fromHalf(uint16(h))
		if f != f || math.IsInf(float64(f), 0) {
			continue
		}
		if got := toHalf(f); got != uint16(h) {
			t.Fatalf("%#04x is %v and comes back as %#04x", h, f, got)
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 100000 {
		f := float32(rng.NormFloat64() * math.Exp(rng.Float64()*24-18))
		h := toHalf(f)
		off := math.Abs(float64(fromHalf(h)) - float64(f))
		for _, beside := range []uint16{h - 1, h + 1} {
			if b := fromHalf(beside); b-b == 0 && math.Abs(float64(b)-float64(f)) < off {
				t.Fatalf("%v became %v, %v is nearer", f, fromHalf(h), b)
			}
		}
	}
	for f, want := range map[float32]float32{1e9: 65504, -70000: -65504, 65520: 65504, 1e-9: 0, 2048.5 + 1.5: 2050, 2049: 2048, 2051: 2052} {
		if got := fromHalf(toHalf(f)); got != want {
			t.Errorf("%v became %v, want %v", f, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	n, err := New(shapes[2].config, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range []Precision{Float32, Float16, Int8} {
		data, err := n.Encode(p, nil)
		if err != nil {
			f.Fatal(err)
		}
		header := data[fixedSize : fixedSize+binary.LittleEndian.Uint32(data[12:])]
		f.Add(header, data[len(padded(slices.Clone(data[:fixedSize+len(header)]))):len(data)-sha256.Size])
	}
	f.Fuzz(func(t *testing.T, header, body []byte) {
		got, _, err := Decode(forged(string(header), body))
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("%v is not ErrFormat", err)
			}
			return
		}
		if got.Parameters() > 1<<16 {
			return
		}
		got.Forward(&Workspace{}, Batch{Size: 1, Steps: 1, X: make([]float32, got.Inputs)}, nil)
	})
}
