package embed

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"
)

func table(rows, dim int, scales []float32, values []int8) string {
	b := []byte(magic)
	for _, x := range []int{1, rows, dim} {
		b = binary.LittleEndian.AppendUint32(b, uint32(x))
	}
	for _, s := range scales {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(s))
	}
	for _, v := range values {
		b = append(b, byte(v))
	}
	return string(b)
}

func TestEmbedIsTheNormalisedSumOfScaledRows(t *testing.T) {
	t.Parallel()
	m, err := New("[UNK]\nred\ngreen\n", table(3, 2, []float32{0, 0.5, 0.25}, []int8{9, 9, 4, 0, 0, -8}))
	if err != nil {
		t.Fatal(err)
	}
	// red = (2, 0), green = (0, -2), and 3 reds with a green point to (6, -2).
	want := []float32{float32(6 / math.Sqrt(40)), float32(-2 / math.Sqrt(40))}
	got := m.Embed("Red red xyz GREEN red", nil)
	for j := range want {
		if math.Abs(float64(got[j]-want[j])) > 1e-6 {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	if got := m.Embed("xyz", nil); !slices.Equal(got, []float32{0, 0}) {
		t.Errorf("unknown words only: %v", got)
	}
}

func TestNewRefusesBrokenTables(t *testing.T) {
	t.Parallel()
	good := table(1, 2, []float32{1}, []int8{1, 2})
	for name, c := range map[string][2]string{
		"empty":        {"a", ""},
		"other file":   {"a", "GIF89a-----------------"},
		"cut":          {"a", good[:len(good)-1]},
		"longer":       {"a", good + "x"},
		"vocabulary":   {"a\nb", good},
		"nan scale":    {"a", table(1, 2, []float32{float32(math.NaN())}, []int8{1, 2})},
		"version":      {"a", good[:4] + "\x02" + good[5:]},
		"huge claimed": {"a", good[:8] + "\xff\xff\xff\xff" + good[12:]},
	} {
		if _, err := New(c[0], c[1]); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestDotAgreesWithPlainSum(t *testing.T) {
	t.Parallel()
	for n := range 11 {
		a, b, want := make([]float32, n), make([]float32, n), float32(0)
		for i := range a {
			a[i], b[i] = float32(i)-2, float32(3-i)
			want += a[i] * b[i]
		}
		if got := Dot(a, b); got != want {
			t.Errorf("%d: %v, want %v", n, got, want)
		}
	}
}
