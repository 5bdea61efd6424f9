package sentiment_test

import (
	"math"
	"testing"

	"github.com/omni-run/omni/models/sentiment"
)

func TestDefaultLoadsAndAnswers(t *testing.T) {
	t.Parallel()
	n, err := sentiment.Default()
	if err != nil {
		t.Fatal(err)
	}
	p := n.Classify([]int32{2307}) // "great"
	if p[2] < 0.5 || math.Abs(p[0]+p[1]+p[2]-1) > 1e-9 {
		t.Errorf("got %v", p)
	}
}

func BenchmarkDefault(b *testing.B) {
	for b.Loop() {
		if _, err := sentiment.Default(); err != nil {
			b.Fatal(err)
		}
	}
}
