package stream_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/ml/stream"
)

// TestRoundTrip: a detector put away and taken up goes on exactly as one that
// was not, whether its window is empty, filling or full.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	x := daily(11)
	x[5000] += 50
	for _, cut := range []int{0, 1, 100, 4095, 4096, 4990, 5001} {
		whole, first := stream.New(), stream.New()
		for i, v := range x[:cut] {
			at := start.Add(time.Duration(i) * step)
			whole.Push(at, v)
			first.Push(at, v)
		}
		state, err := first.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if len(state) > 40<<10 {
			t.Errorf("after %d points the state takes %d bytes", cut, len(state))
		}
		second := stream.New()
		if err := second.UnmarshalBinary(state); err != nil {
			t.Fatalf("after %d points: %v", cut, err)
		}
		for i, v := range x[cut:] {
			at := start.Add(time.Duration(cut+i) * step)
			if a, b := whole.Push(at, v), second.Push(at, v); !same(a, b) {
				t.Fatalf("cut at %d, point %d: %+v, want %+v", cut, cut+i, b, a)
			}
		}
		a, errA := whole.MarshalBinary()
		b, errB := second.MarshalBinary()
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("cut at %d: final states differ (%v, %v)", cut, errA, errB)
		}
	}
}

func encoded(t testing.TB, points int) []byte {
	t.Helper()
	d := stream.New()
	for i, v := range daily(12)[:points] {
		d.Push(start.Add(time.Duration(i)*step), v)
	}
	state, err := d.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// sealed gives a changed state a right checksum.
func sealed(body []byte) []byte {
	return binary.LittleEndian.AppendUint32(bytes.Clone(body), crc32.ChecksumIEEE(body))
}

func TestBrokenStatesAreRefused(t *testing.T) {
	t.Parallel()
	state := encoded(t, 50)
	body := state[:len(state)-4]
	flipped := bytes.Clone(state)
	flipped[300] ^= 1
	nan := bytes.Clone(body)
	binary.LittleEndian.PutUint64(nan[len(nan)-8:], math.Float64bits(math.NaN()))
	// Behind magic (12), Config (24), Seen, Scale, Off (8 each): what was told
	// (16), then the first record's height.
	negative := bytes.Clone(body)
	binary.LittleEndian.PutUint64(negative[76:], math.Float64bits(-1))
	for name, data := range map[string][]byte{
		"a record below 0": sealed(negative),
		"empty":            nil,
		"other form":       append([]byte("omnistream2\n"), state[12:]...),
		"cut":              state[:len(state)-9],
		"bit flipped":      flipped,
		"a value is NaN":   sealed(nan),
		"a value missing":  sealed(body[:len(body)-8]),
		"a value more":     sealed(append(bytes.Clone(body), 0, 0, 0, 0, 0, 0, 0, 0)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := stream.New()
			d.Push(start, 5)
			before, err := d.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if err := d.UnmarshalBinary(data); err == nil {
				t.Fatal("accepted")
			}
			if after, err := d.MarshalBinary(); err != nil || !bytes.Equal(before, after) {
				t.Error("the detector was changed by a state it refused")
			}
		})
	}
}

// FuzzUnmarshalBinary: a state that is accepted serves, whatever it holds.
func FuzzUnmarshalBinary(f *testing.F) {
	for _, points := range []int{0, 3, 50} {
		state := encoded(f, points)
		f.Add(state[:len(state)-4])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d := stream.New()
		if d.UnmarshalBinary(sealed(body)) != nil {
			return
		}
		for i := range 300 {
			p := d.Push(start.Add(time.Duration(i)*step), float64(i%13))
			if !(p.Score >= 0 && p.Score <= 1) {
				t.Fatalf("point %d: %+v", i, p)
			}
		}
	})
}
