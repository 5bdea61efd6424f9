package globalforecast

import (
	"math"
	"testing"
)

func TestSetsCountByTheRootOfTheirSize(t *testing.T) {
	t.Parallel()
	var c corpus
	for i := range 404 {
		c.series = append(c.series, make([]float64, 16))
		set := "large"
		if i >= 400 {
			set = "small"
		}
		c.sets = append(c.sets, set)
	}
	c.series = append(c.series, make([]float64, leastStart))
	c.sets = append(c.sets, "small")
	sum := map[string]float64{}
	shares := c.shares()
	for i, s := range shares {
		sum[c.sets[i]] += s
	}
	if got := sum["large"] / sum["small"]; math.Abs(got-10) > 1e-9 {
		t.Errorf("a set of 100 times as many series counts %v times, want 10", got)
	}
	if shares[404] != 0 {
		t.Error("a series too short to learn from is drawn")
	}
	c.sets = nil
	if shares = c.shares(); shares[0] != shares[403] {
		t.Error("series of one set count differently")
	}
}

func TestJuryHearsEverySet(t *testing.T) {
	t.Parallel()
	var h held
	for i := range 2*judgedOfSet + 10 {
		h.past, h.next = append(h.past, []float64{float64(i)}), append(h.next, []float64{1})
		set := "many"
		if i%300 == 0 {
			set = "few"
		}
		h.sets = append(h.sets, set)
	}
	j := h.jury()
	count, weight := map[string]int{}, map[string]float64{}
	for i, s := range j.sets {
		count[s]++
		weight[s] += j.weights[i]
	}
	if count["few"] != 11 || count["many"] > judgedOfSet || count["many"] < judgedOfSet*9/10 {
		t.Errorf("judged: %v", count)
	}
	for s, n := range count {
		if math.Abs(weight[s]-math.Sqrt(float64(n))) > 1e-9 {
			t.Errorf("%s: %d series weigh %v, want the root", s, n, weight[s])
		}
	}
	if n := j.only("few").count(); n != 11 {
		t.Errorf("%d series of the small set", n)
	}
}
