package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/omni-run/omni/internal/ml/nabscore"
	"github.com/omni-run/omni/internal/ml/stream"
)

// grid is the configs leaveOut chooses from: the default and those around it.
func grid() []stream.Config {
	var list []stream.Config
	for _, fading := range []float64{10000, 30000, 100000} {
		for _, raise := range []float64{0.25, 0.5, 0.75} {
			for _, event := range []int64{50, 100, 200} {
				list = append(list, stream.Config{Fading: fading, Raise: raise, Event: event})
			}
		}
	}
	return list
}

// leaveOut scores each category of the corpus with the threshold, and then
// with the config and the threshold, that are best on all the others. It also
// shows how far the whole corpus' score varies over the grid.
func leaveOut(c *corpus) error {
	standard, windows := nabscore.Profiles()[0], nabscore.Windows(c.series)
	configs := grid()
	runs := make([][][]float64, len(configs))
	own, low, high := -1, math.Inf(1), math.Inf(-1)
	for i, config := range configs {
		var err error
		if runs[i], err = detect(c, config); err != nil {
			return err
		}
		best, err := nabscore.Optimize(c.series, runs[i], standard)
		if err != nil {
			return err
		}
		score := nabscore.Normalize(best.Raw, windows, standard)
		low, high = min(low, score), max(high, score)
		if config == stream.DefaultConfig() {
			own = i
		}
	}
	fmt.Printf("standard score over %d configs: %.2f to %.2f\n\n", len(configs), low, high)
	fmt.Println("| left out | windows | threshold from the others | score there | config and threshold from the others | score there |")
	fmt.Println("|---|---|---|---|---|---|")
	var thresholdOnly, both float64
	for _, category := range categories(c) {
		fixed, err := judge(c, category, runs[own], standard)
		if err != nil {
			return err
		}
		pick, at := fixed, own
		for i := range configs {
			tried, err := judge(c, category, runs[i], standard)
			if err != nil {
				return err
			}
			if tried.rest > pick.rest {
				pick, at = tried, i
			}
		}
		thresholdOnly += fixed.out
		both += pick.out
		fmt.Printf("| %s | %d | %.4f | %s | %+v, %.4f | %s |\n", category, fixed.windows,
			fixed.threshold, share(fixed, standard), configs[at], pick.threshold, share(pick, standard))
	}
	fmt.Printf("| all | %d | | %.2f | | %.2f |\n\n", windows,
		nabscore.Normalize(thresholdOnly, windows, standard), nabscore.Normalize(both, windows, standard))
	return nil
}

// judged is what a category earns at the threshold best for the rest.
type judged struct {
	threshold, rest, out float64
	windows              int // of the category
}

func judge(c *corpus, category string, scores [][]float64, p nabscore.Profile) (judged, error) {
	var rest []nabscore.Series
	var restScores [][]float64
	for k, s := range c.series {
		if categoryOf(s) != category {
			rest, restScores = append(rest, s), append(restScores, scores[k])
		}
	}
	best, err := nabscore.Optimize(rest, restScores, p)
	if err != nil {
		return judged{}, err
	}
	j := judged{threshold: best.Threshold, rest: best.Raw}
	for k, s := range c.series {
		if categoryOf(s) == category {
			j.out += nabscore.Score(s, scores[k], p, best.Threshold).Raw
			j.windows += len(s.Windows)
		}
	}
	return j, nil
}

// share is the score within a category, or the raw one if it has no windows.
func share(j judged, p nabscore.Profile) string {
	if j.windows == 0 {
		return fmt.Sprintf("raw %.2f", j.out)
	}
	return fmt.Sprintf("%.2f", nabscore.Normalize(j.out, j.windows, p))
}

func categoryOf(s nabscore.Series) string {
	category, _, _ := strings.Cut(s.Name, "/")
	return category
}

func categories(c *corpus) []string {
	var list []string
	for _, s := range c.series {
		if name := categoryOf(s); !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}
