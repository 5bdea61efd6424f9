package globalforecast

import (
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

func TestCodecKeepsTheModel(t *testing.T) {
	t.Parallel()
	m := &Model{Version: "v", Sources: []string{"a"}, Frequencies: []*Frequency{untrained(t)}}
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if back.Version != "v" || back.Parameters() != m.Parameters() || !Recognises(data) {
		t.Errorf("%+v", back)
	}
	list := []Series{{quarters(rand.New(rand.NewPCG(1, 1)), 30), 4}}
	want, err := m.Frequencies[0].Forecast(context.Background(), list, 6)
	if err != nil {
		t.Fatal(err)
	}
	got, err := back.Frequencies[0].Forecast(context.Background(), list, 6)
	if err != nil {
		t.Fatal(err)
	}
	for h, v := range want[0].Median() {
		if d := math.Abs(got[0].Median()[h] - v); d > 2e-3*v {
			t.Errorf("step %d: %v became %v", h+1, v, got[0].Median()[h])
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	m := &Model{Frequencies: []*Frequency{untrained(t)}}
	good, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	sealed := func(data []byte) []byte {
		sum := sha256.Sum256(data[prefix-4:])
		copy(data[8:], sum[:])
		return data
	}
	changed := func(f func(data []byte) []byte) []byte { return f(append([]byte(nil), good...)) }
	for name, data := range map[string][]byte{
		"nothing":         nil,
		"another magic":   changed(func(d []byte) []byte { d[0] = 'X'; return d }),
		"another version": changed(func(d []byte) []byte { d[4] = 9; return d }),
		"a flipped bit":   changed(func(d []byte) []byte { d[len(d)-1] ^= 1; return d }),
		"cut":             changed(func(d []byte) []byte { return sealed(d[:len(d)-10]) }),
		"longer":          changed(func(d []byte) []byte { return sealed(append(d, 0, 0)) }),
		"a huge header":   changed(func(d []byte) []byte { d[prefix-1] = 0xff; return sealed(d) }),
		"broken header":   changed(func(d []byte) []byte { d[prefix] = '!'; return sealed(d) }),
	} {
		if _, err := Decode(data); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m.Frequencies[0].networks[0].Weights[3] = 1e6
	if _, err := m.Encode(); err == nil {
		t.Error("a weight beyond 16 bits is stored")
	}
	m.Frequencies[0].Blend = 2
	m.Frequencies[0].networks[0].Weights[3] = 0
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(data); !errors.Is(err, ErrFormat) {
		t.Errorf("a blend of 2: %v", err)
	}
}

// TestHalfRoundsToTheNearest: every binary16 survives, and what lies between
// two goes to the nearer.
func TestHalfRoundsToTheNearest(t *testing.T) {
	t.Parallel()
	for h := range 1 << 16 {
		v := fromHalf(uint16(h))
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			continue
		}
		if got := toHalf(v); got != uint16(h) && v != 0 {
			t.Fatalf("%#x is %v and becomes %#x", h, v, got)
		}
		if next := fromHalf(uint16(h + 1)); h&0x7fff < 0x7bff && !math.IsInf(float64(next), 0) {
			near := v + (next-v)*0.49
			if got := fromHalf(toHalf(near)); got != v {
				t.Fatalf("%v between %v and %v became %v", near, v, next, got)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	m := &Model{Frequencies: []*Frequency{untrained(f)}}
	data, err := m.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("OMGF"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > prefix { // a fuzzer does not find hashes
			sum := sha256.Sum256(data[prefix-4:])
			copy(data[8:], sum[:])
		}
		m, err := Decode(data)
		if err != nil {
			return
		}
		for _, part := range m.Frequencies {
			if _, err := part.Forecast(context.Background(), []Series{{[]float64{1, 2, 3, 4, 5, 6}, 4}}, 2); err != nil {
				t.Fatal(err)
			}
		}
	})
}
