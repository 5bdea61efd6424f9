package respcache_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/respcache"
)

const depth = 64

func canonical(t interface{ Fatalf(string, ...any) }, body string) string {
	c, ok := respcache.Canonical([]byte(body), depth)
	if !ok {
		t.Fatalf("refused: %s", body)
	}
	return string(c)
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		a, b string
		same bool
	}{
		"white space":                   {`{"a":[1,2]}`, "\n{ \"a\" : [ 1 ,\t2 ] }\r\n", true},
		"order of names":                {`{"a":1,"b":{"c":2,"d":3}}`, `{"b":{"d":3,"c":2},"a":1}`, true},
		"order of a list":               {`[1,2]`, `[2,1]`, false},
		"escapes":                       {`{"a":"\u0041\/b"}`, `{"\u0061":"A/b"}`, true},
		"escaped and real quotes":       {`"\""`, `"\u0022"`, true},
		"exponents":                     {`[1E+5,2e3]`, `[1e5,2e+3]`, true},
		"a sign that counts":            {`1e5`, `1e-5`, false},
		"a whole number and a fraction": {`{"steps":3}`, `{"steps":3.0}`, false},
		"a number and its text":         {`1`, `"1"`, false},
		"zero and minus zero":           {`0`, `-0`, false},
		"null and none":                 {`{"a":null}`, `{}`, false},
		"numbers run together":          {`[1,23]`, `[12,3]`, false},
		"lists run together":            {`[[1],[2]]`, `[[1,[2]]]`, false},
		"texts run together":            {`["a","b"]`, `["a\",\"b"]`, false},
		"a name twice":                  {`{"a":1,"a":2}`, `{"a":2,"a":1}`, false},
		"names but for case":            {`{"a":1,"A":2}`, `{"A":2,"a":1}`, false},
		"the Kelvin sign is a k":        {"{\"\u212a\":1,\"k\":2}", "{\"k\":2,\"\u212a\":1}", false},
		"half a pair":                   {`"\ud800"`, "\"\ufffd\"", false},
		"a backslash before ud800":      {`"\\ud800"`, `"\u005cud800"`, true},
		"an empty object and list":      {`{}`, `[]`, false},
	} {
		if same := canonical(t, c.a) == canonical(t, c.b); same != c.same {
			t.Errorf("%s: %s and %s: same is %v", name, c.a, c.b, same)
		}
	}
	for _, bad := range []string{"", " ", "{", `{"a"}`, `{"a":}`, `{"a":1,}`, `[1,]`, `[,1]`, `{,}`, `01`, `1 2`, `nul`, `"`, `"\`, `"\x"`, "\"\n\"", `{1:2}`, `[1}`, strings.Repeat("[", 65) + strings.Repeat("]", 65)} {
		if c, ok := respcache.Canonical([]byte(bad), depth); ok {
			t.Errorf("%q was taken, as %q", bad, c)
		}
	}
}

// value draws any JSON value.
func value(level int) *rapid.Generator[any] {
	kinds := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Float64Range(-1e6, 1e6).AsAny(), rapid.IntRange(-5, 5).AsAny(), rapid.StringN(0, 4, 12).AsAny(),
	}
	if level > 0 {
		kinds = append(kinds,
			rapid.Custom(func(t *rapid.T) any { return rapid.SliceOfN(value(level-1), 0, 4).Draw(t, "list") }),
			rapid.Custom(func(t *rapid.T) any {
				return rapid.MapOfN(rapid.StringMatching(`[a-dA-D\x{212a}]{0,2}`), value(level-1), 0, 4).Draw(t, "object")
			}))
	}
	return rapid.OneOf(kinds...)
}

// spell writes a value in some other way: order, space, escapes.
func spell(v any, rng *rand.Rand) string {
	space := func() string { return strings.Repeat(" ", rng.IntN(3)) + strings.Repeat("\n", rng.IntN(2)) }
	switch v := v.(type) {
	case map[string]any:
		var parts []string
		for name, item := range v { // in any order
			parts = append(parts, space()+spell(name, rng)+space()+":"+spell(item, rng))
		}
		return space() + "{" + strings.Join(parts, ",") + space() + "}"
	case []any:
		var parts []string
		for _, item := range v {
			parts = append(parts, spell(item, rng))
		}
		return "[" + strings.Join(parts, space()+","+space()) + space() + "]"
	case string:
		var b strings.Builder
		for _, r := range v {
			if r < 0x10000 && rng.IntN(2) == 0 {
				fmt.Fprintf(&b, `\u%04x`, r)
				continue
			}
			raw, _ := json.Marshal(string(r))
			b.Write(raw[1 : len(raw)-1])
		}
		return `"` + b.String() + `"`
	default:
		raw, _ := json.Marshal(v)
		return strings.ToUpper(string(raw[:0])) + string(raw)
	}
}

func ambiguousNames(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		var names []string
		for name, item := range v {
			for _, other := range names {
				if strings.EqualFold(name, other) {
					return true
				}
			}
			names = append(names, name)
			if ambiguousNames(item) {
				return true
			}
		}
	case []any:
		for _, item := range v {
			if ambiguousNames(item) {
				return true
			}
		}
	}
	return false
}

// Two spellings of a value have one canonical text; two values have two.
func TestCanonicalTellsValuesApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := value(3).Draw(t, "a"), value(3).Draw(t, "b")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		first, second, other := spell(a, rng), spell(a, rng), spell(b, rng)
		if canonical(t, first) != canonical(t, second) && !ambiguousNames(a) {
			t.Fatalf("one value, two texts:\n%s\n%s", first, second)
		}
		if canonical(t, first) == canonical(t, other) && !reflect.DeepEqual(read(t, first), read(t, other)) {
			t.Fatalf("two values, one text:\n%s\n%s", first, other)
		}
	})
}

func read(t interface{ Fatalf(string, ...any) }, text string) (v any) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// What is taken is sound JSON, and what is sound and not too deep is taken;
// the canonical text says the same as the compacted one.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.50,-0,1E+5,true,null],"A":"\u0041\ud83d\ude00"}`, `{"a":1,"a":2}`, `"\ud800"`, `[[[]]]`, ` 1`, `{"b":1,"a":{"d":1,"c":2}}`, "\"\xff\""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c, ok := respcache.Canonical(body, depth)
		if ok && !json.Valid(body) {
			t.Fatalf("taken: %q", body)
		}
		if !ok {
			if json.Valid(body) && bytes.Count(body, []byte("["))+bytes.Count(body, []byte("{")) < depth {
				t.Fatalf("refused: %q", body)
			}
			return
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, body); err != nil {
			t.Fatal(err)
		}
		if again, ok := respcache.Canonical(compact.Bytes(), depth); !ok || !bytes.Equal(c, again) {
			t.Fatalf("white space counts: %q gives %q, compacted %q", body, c, again)
		}
	})
}
