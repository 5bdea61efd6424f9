package calc_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/ml/calc"
)

func TestEval(t *testing.T) {
	t.Parallel()
	series := map[string][]float64{"sales": {3, 1, 2}, "price": {2.5}}
	for expression, want := range map[string]float64{
		"1+2*3": 7, "(1+2)*3": 9, "2^3^2": 512, "-2^2": -4, "2^-1": 0.5, "10 mod 4": 2, "7/2": 3.5, "--3": 3, "1e3+1": 1001,
		"17% of 2340": 397.8, "50%": 0.5, "10% of 20% of 500": 10, "200*(1+15%)": 230, "1_000+1": 1001,
		"sqrt(144)": 12, "round(2.345, 2)": 2.35, "abs(-3)+floor(2.9)": 5, "log(1000)": 3, "ln(e)": 1,
		"mean(sales)": 2, "sum(sales)+price": 8.5, "max(sales, 10)": 10, "median([5,1,3])": 3, "percentile(sales, 50)": 2,
		"std(sales)": 1, "var([2,4,4,4,5,5,7,9])": 32.0 / 7, "growth([50,75])": 50, "count(sales)": 3,
	} {
		got, err := calc.Eval(expression, series)
		if err != nil || math.Abs(got-want) > 1e-12*(1+math.Abs(want)) {
			t.Errorf("%s = %v (%v), want %v", expression, got, err, want)
		}
	}
}

func TestEvalRefuses(t *testing.T) {
	t.Parallel()
	for _, expression := range []string{
		"", "1+", "1/0", "5 mod 0", "(1", "1)", "x", "f(1)", "mean()", "sales+1", "sqrt(-1)", "1e308*10", "9^9^9", "[1,2]", "1 2", "round(1,99)",
		"percentile(sales, 200)", strings.Repeat("(", 200) + "1", strings.Repeat("-", 500) + "1", strings.Repeat("1+", 4000) + "1", "1..2",
	} {
		if got, err := calc.Eval(expression, map[string][]float64{"sales": {1, 2}}); err == nil {
			t.Errorf("%.40q = %v; an error was due", expression, got)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for sentence, want := range map[string]float64{
		"What is 17% of 2340?":                              397.8,
		"A jacket costs $80 and is 25% off.":                60,
		"What is 1000 at 5% compound interest for 3 years?": 1157.625,
		"simple interest on 1000 at 5% for 3 years":         150,
		"compound interest of 5% on 1000 for 3 years":       157.625,
		"What is 25%?":                             0.25,
		"what is 17 percent of 2,340":              397.8,
		"How much is 1,234,567 plus 3?":            1234570,
		"Increase 200 by 15%":                      230,
		"What is 200 plus 15%?":                    230,
		"25% off 80":                               60,
		"percent change from 120 to 150":           25,
		"150 is what percent of 200?":              75,
		"What percentage of 200 is 150?":           75,
		"Compute (3 + 4) * 12 / 7.":                12,
		"what is the square root of 144":           12,
		"2 to the power of 10":                     1024,
		"120 divided by 4":                         30,
		"Please calculate 12 × 12":                 144,
		"subtract 5 from 12":                       7,
		"what's 7 squared":                         49,
		"Calculate 3.5 * 2 and tell me the result": 7,
		"If I have 100 - 35 dollars":               65,
		"On 2024-01-05 we sold some; what is 6*7":  42,
	} {
		expression, ok := calc.Find(sentence)
		if !ok {
			t.Errorf("%q: nothing found", sentence)
			continue
		}
		if got, err := calc.Eval(expression, nil); err != nil || math.Abs(got-want) > 1e-9*math.Abs(want) {
			t.Errorf("%q -> %q = %v (%v), want %v", sentence, expression, got, err, want)
		}
	}
	for _, sentence := range []string{
		"", "forecast the next 7 days", "user u-17 of tenant 3", "on 2024-01-05", "3 apples, 4 pears", "the top 10",
	} {
		if expression, ok := calc.Find(sentence); ok {
			t.Errorf("%q: found %q", sentence, expression)
		}
	}
}

func TestStatisticsAtTheEdges(t *testing.T) {
	t.Parallel()
	if m := calc.Mean([]float64{1e308, 1e308}); m != 1e308 {
		t.Errorf("mean overflows: %v", m)
	}
	if d := calc.Deviation([]float64{1e300, -1e300}); math.Abs(d-math.Sqrt2*1e300) > 1e287 {
		t.Errorf("deviation overflows: %v", d)
	}
	if d := calc.Deviation([]float64{1e-300, 3e-300}); math.Abs(d-math.Sqrt2*1e-300) > 1e-312 {
		t.Errorf("deviation vanishes: %v", d)
	}
	if s := calc.Sum([]float64{1, 1e100, 1, -1e100}); s != 2 {
		t.Errorf("sum loses terms: %v", s)
	}
	// numpy.quantile([1,2,3,4], .4) == 2.2
	if q := calc.Quantile([]float64{4, 2, 3, 1}, 0.4); math.Abs(q-2.2) > 1e-12 {
		t.Errorf("quantile %v", q)
	}
}

func TestSumsAgreeWithGo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 1, 50).Draw(t, "x")
		plain := 0.0
		for _, v := range x {
			plain += v
		}
		got, err := calc.Eval("sum(x)", map[string][]float64{"x": x})
		if err != nil || math.Abs(got-plain) > 1e-6 {
			t.Fatalf("%v (%v), want %v", got, err, plain)
		}
	})
}

func FuzzEval(f *testing.F) {
	for _, s := range []string{"1+2", "17% of 2340", "mean(x)^2", "[1,2", "what is 3 times 4", "sqrt(((1)))", "2^999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := calc.Eval(s, map[string][]float64{"x": {1, 2}, "empty": {}}); err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
			t.Fatalf("%q = %v", s, v)
		}
		if expression, ok := calc.Find(s); ok {
			if _, err := calc.Eval(expression, nil); err != nil && !strings.Contains(err.Error(), "zero") && !strings.Contains(err.Error(), "finite") {
				t.Fatalf("found %q in %q: %v", expression, s, err)
			}
		}
	})
}

func TestDerive(t *testing.T) {
	t.Parallel()
	for sentence, want := range map[string]float64{
		"If revenue is 1200 and costs are 800, what is the profit?":               400,
		"Our monthly revenue was $1,200 and total costs were 800. Compute profit": 400,
		"With sales of 200 and expenses of 250, what is the loss?":                50,
		"If revenue is 1200 and costs are 800, what is the profit margin?":        100.0 / 3,
		"Sales grew from 200 to 250. What is the growth rate?":                    25,
		"Sales fell from 200 to 150. What is the percentage change?":              -25,
		"The price is 12.5 and the quantity is 8. What is the revenue?":           100,
		"Visitors were 2000 and conversions were 50. What is the conversion rate": 2.5,
	} {
		expression, ok := calc.Derive(sentence, calc.Stated(sentence))
		got, err := calc.Eval(expression, nil)
		if !ok || err != nil || math.Abs(got-want) > 1e-9 {
			t.Errorf("%q: %q = %v (%v), want %v", sentence, expression, got, err, want)
		}
	}
	for _, sentence := range []string{
		"If revenue is 1200, what is the profit?", "Revenue is 1200 and costs are 800.", "What is the profit?",
		"Revenue was 1200 and revenue is 1300 and costs are 800. What is the profit?", "What is love?", "",
	} {
		if expression, ok := calc.Derive(sentence, calc.Stated(sentence)); ok {
			t.Errorf("%q: %q", sentence, expression)
		}
	}
}
