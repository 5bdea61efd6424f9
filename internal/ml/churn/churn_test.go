package churn_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/omni-run/omni/internal/ml/churn"
)

func num(v float64) churn.Value { return churn.Value{Kind: churn.Number, Number: v} }
func text(s string) churn.Value { return churn.Value{Kind: churn.Text, Text: s} }

func TestColumns(t *testing.T) {
	t.Parallel()
	var rows []churn.Row
	for i := range 100 {
		r := churn.Row{
			"number": num(float64(i)), "written": text(strconv.Itoa(i) + ".5"), "plan": text([]string{"a", "b", "c"}[i%3]),
			"id": text("user-" + strconv.Itoa(i)), "same": num(3), "holes": num(1), "mixed": num(float64(i % 2)),
		}
		if i%2 == 0 {
			delete(r, "holes")
			r["mixed"] = text("none")
		}
		rows = append(rows, r)
	}
	columns, dropped := churn.Columns(rows, 1e6)
	got := map[string][]string{}
	for _, c := range columns {
		got[c.Name] = c.Categories
	}
	want := map[string][]string{"number": nil, "written": nil, "plan": {"a", "b", "c"}, "holes": nil, "mixed": {"1", "none"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("columns %v, want %v", got, want)
	}
	if len(dropped) != 2 || dropped["id"] == "" || dropped["same"] == "" {
		t.Errorf("dropped %v", dropped)
	}
	narrow, _ := churn.Columns(rows, 700)
	for _, c := range narrow {
		if len(c.Categories) > 3 {
			t.Errorf("over budget, yet %v", c)
		}
	}
}

func sample(n int) churn.Labelled {
	random := rand.New(rand.NewPCG(2, 2))
	var l churn.Labelled
	for range n {
		x, plan := random.NormFloat64(), []string{"a", "b", "c"}[random.IntN(3)]
		r := churn.Row{"x": num(x), "plan": text(plan)}
		if random.IntN(10) == 0 {
			delete(r, "x")
		}
		l.Rows = append(l.Rows, r)
		l.Churned = append(l.Churned, x+random.NormFloat64()*0.5 > 0 != (plan == "b"))
	}
	return l
}

func TestTrainEncodeDecode(t *testing.T) {
	t.Parallel()
	data := sample(1200)
	trained, err := churn.Train(t.Context(), data, churn.Options{Seed: 4})
	if err != nil {
		t.Fatal(err)
	}
	m := trained.Model
	if m.AUC < 0.8 {
		t.Errorf("AUC %.3f", m.AUC)
	}
	raw, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := churn.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range append(slices.Clone(data.Rows[:50]), churn.Row{}, churn.Row{"plan": text("new"), "x": text("not a number")}) {
		odds, base, parts := m.Predict(r)
		again, _, _ := back.Predict(r)
		sum := base
		for _, p := range parts {
			sum += p.Value
		}
		if math.Abs(sum-odds) > 1e-9 || again != odds || len(parts) != 2 {
			t.Fatalf("%v: parts add to %v, odds %v, decoded %v", r, sum, odds, again)
		}
	}
	for _, damaged := range [][]byte{nil, raw[:len(raw)/2], []byte("{}")} {
		if _, err := churn.Decode(damaged); err == nil {
			t.Errorf("%d damaged bytes were decoded", len(damaged))
		}
	}
}

func TestHeldOutRowsStayHeldOut(t *testing.T) {
	t.Parallel()
	data := sample(600)
	first, err := churn.Train(t.Context(), data, churn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// Half the rows in another order: none that was held out may be learnt from
	// now, so the held-out ones must be just those among the half.
	var half churn.Labelled
	for i := len(data.Rows) - 1; i >= 0; i -= 2 {
		half.Rows, half.Churned = append(half.Rows, data.Rows[i]), append(half.Churned, data.Churned[i])
	}
	second, err := churn.Train(t.Context(), half, churn.Options{Seed: 9})
	if err != nil {
		t.Fatal(err)
	}
	in := func(rows []churn.Row, r churn.Row) bool {
		return slices.ContainsFunc(rows, func(o churn.Row) bool { return reflect.DeepEqual(o, r) })
	}
	for _, r := range half.Rows {
		if in(first.HeldOut.Rows, r) != in(second.HeldOut.Rows, r) {
			t.Fatalf("row %v changed sides", r)
		}
	}
	if n := len(first.HeldOut.Rows); n < 80 || n > 160 {
		t.Errorf("%d of 600 rows held out", n)
	}
}
