package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/omni-run/omni/internal/ml/nabscore"
)

// summary prints what the detector earns under each profile, at the threshold
// best for it and at 0.5, the detector's own idea of an alarm.
func summary(c *corpus, scores [][]float64) error {
	fmt.Println("| profile | score | threshold | windows found | false alarms | score at 0.5 |")
	fmt.Println("|---|---|---|---|---|---|")
	windows := nabscore.Windows(c.series)
	for _, p := range nabscore.Profiles() {
		best, err := nabscore.Optimize(c.series, scores, p)
		if err != nil {
			return err
		}
		var own float64
		found := 0
		for k, s := range c.series {
			own += nabscore.Score(s, scores[k], p, 0.5).Raw
			found += foundIn(s, scores[k], best.Threshold)
		}
		fmt.Printf("| %s | %.2f | %.4f | %d of %d | %d | %.2f |\n", p.Name,
			nabscore.Normalize(best.Raw, windows, p), best.Threshold, found, windows,
			best.Counts.FP, nabscore.Normalize(own, windows, p))
	}
	fmt.Println()
	return nil
}

// foundIn counts the windows of a series with a row at the threshold or above.
func foundIn(s nabscore.Series, scores []float64, threshold float64) int {
	found := 0
	for _, w := range s.Windows {
		from := max(w.First, nabscore.Probation(s.Rows))
		if from <= w.Last && slices.Max(scores[from:w.Last+1]) >= threshold {
			found++
		}
	}
	return found
}

// perFile prints every file at the standard profile's threshold.
func perFile(c *corpus, scores [][]float64) error {
	standard := nabscore.Profiles()[0]
	best, err := nabscore.Optimize(c.series, scores, standard)
	if err != nil {
		return err
	}
	fmt.Println("| file | rows | windows found | false alarms | raw score |")
	fmt.Println("|---|---|---|---|---|")
	for k, s := range c.series {
		r := nabscore.Score(s, scores[k], standard, best.Threshold)
		fmt.Printf("| %s | %d | %d of %d | %d | %.2f |\n", s.Name, s.Rows,
			foundIn(s, scores[k], best.Threshold), len(s.Windows), r.Counts.FP, r.Raw)
	}
	fmt.Println()
	return nil
}

// besides scores the saved scores of the published detectors: at the published
// threshold, as published, and at the best threshold there is.
func besides(c *corpus, dir string) error {
	saved, err := c.readScores(filepath.Join(dir, "detector_scores.csv.gz"))
	if err != nil {
		return err
	}
	var final map[string]map[string]float64
	if err := readJSON(filepath.Join(dir, "final_results.json"), &final); err != nil {
		return err
	}
	var thresholds map[string]map[string]struct{ Threshold float64 }
	if err := readJSON(filepath.Join(dir, "thresholds.json"), &thresholds); err != nil {
		return err
	}
	fmt.Println("| detector | profile | published | at the published threshold | difference | at the best threshold |")
	fmt.Println("|---|---|---|---|---|---|")
	windows := nabscore.Windows(c.series)
	for _, name := range slices.Sorted(maps.Keys(saved)) {
		for _, p := range nabscore.Profiles() {
			best, err := nabscore.Optimize(c.series, saved[name], p)
			if err != nil {
				return err
			}
			var raw float64
			for k, s := range c.series {
				raw += nabscore.Score(s, saved[name][k], p, thresholds[name][p.Name].Threshold).Raw
			}
			at, published, difference := nabscore.Normalize(raw, windows, p), "-", "-"
			if want, ok := final[name][p.Name]; ok {
				published, difference = fmt.Sprintf("%.2f", want), fmt.Sprintf("%.4f", at-want)
			}
			fmt.Printf("| %s | %s | %s | %.2f | %s | %.2f |\n", name, p.Name, published, at,
				difference, nabscore.Normalize(best.Raw, windows, p))
		}
	}
	fmt.Println()
	return nil
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}
