package lstm_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/omni-run/omni/internal/ml/lstm"
)

func TestCodecRoundTrip(t *testing.T) {
	t.Parallel()
	y := zigzag(30)
	f, _ := train(t, y, lstm.SeriesConfig{Lookback: 6, Layers: 2, Training: lstm.Training{Epochs: 3}}, 1)
	want, _ := f.Forecast(t.Context(), y, 5, 0)
	for p, tolerance := range map[lstm.Precision]float64{lstm.Float64: 0, lstm.Float32: 0} {
		back, err := lstm.Decode(f.Encode(p))
		if err != nil {
			t.Fatal(err)
		}
		got, _ := back.Forecast(t.Context(), y, 5, 0)
		for i := range want {
			if math.Abs(got[i]-want[i]) > tolerance {
				t.Errorf("%d bytes a weight: %v, want %v", p, got, want)
			}
		}
	}
}

func TestDecodeRefusesDamage(t *testing.T) {
	t.Parallel()
	f, _ := train(t, zigzag(20), lstm.SeriesConfig{Lookback: 4, Training: lstm.Training{Epochs: 1}}, 1)
	good := f.Encode(lstm.Float64)
	resealed := func(change func([]byte)) []byte {
		b := slices.Clone(good)
		change(b)
		sum := sha256.Sum256(b[:len(b)-sha256.Size])
		return append(b[:len(b)-sha256.Size], sum[:]...)
	}
	flipped := slices.Clone(good)
	flipped[60] ^= 1
	for name, data := range map[string][]byte{
		"empty": nil, "short": good[:40], "cut": good[:len(good)-1], "a flipped bit": flipped,
		"version":  resealed(func(b []byte) { b[8] = 9 }),
		"hidden 0": resealed(func(b []byte) { b[16] = 0 }),
		"huge":     resealed(func(b []byte) { b[17] = 0xff }),
		"NaN":      resealed(func(b []byte) { copy(b[48:], []byte{0, 0, 0, 0, 0, 0, 0xf8, 0x7f}) }),
		"lookback": resealed(func(b []byte) { copy(b[32:], []byte{0, 0, 0, 0}) }),
	} {
		if _, err := lstm.Decode(data); !errors.Is(err, lstm.ErrFormat) {
			t.Errorf("%s: %v, want ErrFormat", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("OMNILSTM"))
	f.Fuzz(func(t *testing.T, data []byte) {
		sum := sha256.Sum256(data)
		if got, err := lstm.Decode(append(data, sum[:]...)); err == nil {
			if _, err := got.Forecast(t.Context(), []float64{1, 2, 3}, 2, 8); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestReadsWhatEarlierReleasesStored: the artefact and the forecast are those
// of the float64 network that wrote it.
func TestReadsWhatEarlierReleasesStored(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/version1.omnilstm")
	if err != nil {
		t.Fatal(err)
	}
	f, err := lstm.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Forecast(t.Context(), zigzag(40), 4, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{300.6078906930433, 312.0044730477167, 310.72413659489825, 321.8684243845521} {
		if math.Abs(got[i]-want) > 1e-3 {
			t.Errorf("step %d: %v, want %v", i+1, got[i], want)
		}
	}
	if again := f.Encode(lstm.Float32); !bytes.Equal(again, data) {
		t.Error("written again it differs")
	}
}
