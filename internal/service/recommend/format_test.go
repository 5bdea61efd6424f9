package recommend

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/omni-run/omni/api"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/ml/als"
	"github.com/omni-run/omni/internal/ml/ease"
	"github.com/omni-run/omni/internal/ml/sparse"
)

func TestInteractionsSurviveTheirEncoding(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := interaction{
			user: rapid.String().Draw(t, "user"), item: rapid.String().Draw(t, "item"), kind: kind(rapid.IntRange(1, 7).Draw(t, "kind")),
			value: rapid.Float64Range(-1e300, 1e300).Draw(t, "value"), at: rapid.Int64().Draw(t, "at"),
		}
		if out, err := decodeInteraction(in.encode()); err != nil || out != in {
			t.Fatalf("%+v came back as %+v, %v", in, out, err)
		}
	})
}

func artifacts(t testing.TB) []*artifact {
	t.Helper()
	x := sparse.New(3, 4, []sparse.Entry{{Row: 0, Col: 0, Value: 1}, {Row: 0, Col: 1, Value: 1}, {Row: 1, Col: 2, Value: 1}, {Row: 2, Col: 3, Value: 1}, {Row: 2, Col: 0, Value: 1}})
	e, err := ease.Train(t.Context(), x, ease.Options{Lambda: 1, Neighbors: 2, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	a, err := als.NewModel(2, []float32{1, 2, 3, 4, 5, 6, 7, 8}, 10, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{"a", "", "ü", "d"}
	return []*artifact{{ids: ids, ease: e}, {ids: ids, als: a}}
}

func TestArtifactsSurviveTheirEncoding(t *testing.T) {
	t.Parallel()
	for _, a := range artifacts(t) {
		raw := a.encode()
		back, err := decodeArtifact(raw)
		if err != nil {
			t.Fatalf("%s: %v", a.kind(), err)
		}
		if back.kind() != a.kind() || !slices.Equal(back.ids, a.ids) || !bytes.Equal(back.encode(), raw) {
			t.Fatalf("%s came back changed", a.kind())
		}
		for n := range raw {
			if _, err := decodeArtifact(raw[:n]); err == nil {
				t.Fatalf("%s: the first %d of %d bytes pass as whole", a.kind(), n, len(raw))
			}
		}
		if _, err := decodeArtifact(append(raw, 0)); err == nil {
			t.Fatalf("%s: a byte too many passes", a.kind())
		}
	}
}

func FuzzDecodeArtifact(f *testing.F) {
	for _, a := range artifacts(f) {
		f.Add(a.encode())
	}
	f.Add([]byte(artifactMagic + "e\xff\xff\xff\xff\x0f"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := decodeArtifact(raw)
		if err != nil {
			return
		}
		// Whatever is taken can be used.
		m := newTenant().bind(a, 1)
		s, err := m.open(m.toTenant, slices.Repeat([]float32{1}, len(m.toTenant)))
		if err == nil && len(s.items) > 0 {
			s.score(make([]float64, len(m.toTenant)))
		}
	})
}

func FuzzDecodeInteraction(f *testing.F) {
	f.Add(interaction{user: "u", item: "i", kind: view, at: 1}.encode())
	f.Add([]byte{1, 0xff})
	f.Fuzz(func(t *testing.T, raw []byte) {
		in, err := decodeInteraction(raw)
		if err != nil {
			return
		}
		if again, err := decodeInteraction(in.encode()); err != nil || again != in {
			t.Fatalf("%+v came back as %+v, %v", in, again, err)
		}
	})
}

func TestWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Canon EOS-R5, lenses & Tripods!": "canon eos r5 lense tripod",
		"glass gas bus a 4":               "glass gas bus",
		"红色 shoe":                         "红 色 shoe",
		"":                                "",
		"ÉCLAIR naïve":                    "éclair naïve",
	} {
		var got []string
		words(text, func(w, _ string) { got = append(got, w) })
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestQuantizedCosinesAreClose(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) []float32 {
			return rapid.SliceOfN(rapid.Float32Range(-10, 10), 32, 32).Draw(t, name)
		}
		x, y := draw("x"), unit(draw("y"))
		u := unit(x)
		if u == nil || y == nil {
			return
		}
		var want float64
		for i := range u {
			want += float64(u[i]) * float64(y[i])
		}
		if got := quantize(x).dot(y); math.Abs(got-want) > 0.025 {
			t.Fatalf("cosine %v in 8 bits, %v in full", got, want)
		}
	})
	for _, x := range [][]float32{nil, {0, 0}, {float32(math.Inf(1)), 1}, {float32(math.NaN()), 1}} {
		if v := quantize(x); v.values != nil {
			t.Errorf("%v was made a vector", x)
		}
	}
}

func TestReasonsShowWordsAsWritten(t *testing.T) {
	t.Parallel()
	v := newVocabulary()
	d := v.add(&api.RecommendItem{ItemID: "1", Title: "Zoom LENS"})
	if got := v.names[d.terms[1].word]; got != "lens" {
		t.Errorf("shown as %q", got)
	}
	if _, ok := v.index["len"]; !ok {
		t.Error("a plural counts without its s")
	}
}
