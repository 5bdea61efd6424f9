package evaluate

import (
	"fmt"
	"math"
	"strings"

	"github.com/omni-run/omni/internal/cli/csvdata"
	"github.com/omni-run/omni/internal/ml/accuracy"
	"github.com/omni-run/omni/internal/ml/globalforecast/corpus"
)

// Cut says how series become cases.
type Cut struct {
	// Horizon is how many values at the end are asked for; 0 takes the file's
	// test part, its h, or what is usual for the frequency.
	Horizon int
	// Season is the season's length; 0 takes the file's m, or the usual one.
	Season int
	// Stride takes every n-th series.
	Stride int
}

// leastTrain is the fewest values that anything is forecast from.
const leastTrain = 3

// Groups sorts series by kind.
type Groups struct {
	cut  Cut
	list []*Group
	seen int
	// TooShort counts series with fewer values than it takes.
	TooShort int
}

// NewGroups returns groups without series.
func NewGroups(c Cut) *Groups {
	c.Stride = max(c.Stride, 1)
	return &Groups{cut: c}
}

// List returns the groups in order of appearance.
func (g *Groups) List() []*Group { return g.list }

// skip counts a series and says whether the stride leaves it out.
func (g *Groups) skip() bool {
	g.seen++
	return (g.seen-1)%g.cut.Stride != 0
}

// codes are the steps of the frequencies as the API takes them.
var codes = map[string]string{"yearly": "YS", "quarterly": "QS", "monthly": "MS", "weekly": "W", "daily": "D", "hourly": "h"}

// AddLine takes a series out of a file of JSON lines.
func (g *Groups) AddLine(s corpus.Series) error {
	if g.skip() {
		return nil
	}
	known, test := s.Train, s.Test
	usual, _ := accuracy.FrequencyOf(s.Period)
	horizon := g.cut.Horizon
	switch {
	case len(test) > 0 && horizon > len(test):
		return fmt.Errorf("series %q has a test part of %d values; a horizon of %d is longer", s.ID, len(test), horizon)
	case len(test) > 0:
		if horizon == 0 {
			horizon = len(test)
		}
		test = test[:horizon]
	default:
		if horizon == 0 {
			if horizon = s.Ahead; horizon == 0 {
				horizon = usual.Horizon
			}
		}
		if horizon == 0 {
			return fmt.Errorf("series %q has no test part, no h and no known period: state a horizon", s.ID)
		}
		if len(known) < horizon+leastTrain {
			g.TooShort++
			return nil
		}
		known, test = known[:len(known)-horizon], known[len(known)-horizon:]
	}
	if len(known) < leastTrain {
		g.TooShort++
		return nil
	}
	name := s.Period
	if name == "" {
		name = "series"
	}
	g.add(name, codes[s.Period], s.Season, horizon, s.ID, accuracy.Case{Train: known, Test: test})
	return nil
}

// AddSeries takes a series of a CSV file. Missing values among the known ones
// are filled in linearly; missing ones at the end are not scored.
func (g *Groups) AddSeries(id string, s *csvdata.Series) error {
	if g.skip() {
		return nil
	}
	name := nameOf(s.Freq())
	usual, _ := accuracy.FrequencyOf(name)
	horizon := g.cut.Horizon
	if horizon == 0 {
		horizon = usual.Horizon
	}
	if horizon == 0 {
		return fmt.Errorf("%s: its dates do not tell a usual horizon: state one", id)
	}
	if len(s.Values) < horizon+leastTrain {
		g.TooShort++
		return nil
	}
	cut := len(s.Values) - horizon
	known := filled(s.Values[:cut])
	if len(known) < leastTrain {
		g.TooShort++
		return nil
	}
	g.add(name, s.Freq(), 0, horizon, id, accuracy.Case{Train: known, Test: s.Values[cut:]})
	return nil
}

// nameOf names the frequency that a step's code is of.
func nameOf(code string) string {
	switch code {
	case "":
		return "series"
	case "YS", "Y":
		return "yearly"
	case "QS", "Q":
		return "quarterly"
	case "MS", "M":
		return "monthly"
	case "W":
		return "weekly"
	case "D":
		return "daily"
	case "h":
		return "hourly"
	}
	return code
}

// filled leaves out what is missing in front, and draws lines through other
// gaps; after the last known value it repeats that.
func filled(values []float64) []float64 {
	var out []float64
	last := -1
	for _, v := range values {
		if math.IsNaN(v) {
			if last >= 0 {
				out = append(out, out[last])
			}
			continue
		}
		for i := last + 1; last >= 0 && i < len(out); i++ {
			out[i] = out[last] + (v-out[last])*float64(i-last)/float64(len(out)-last)
		}
		out = append(out, v)
		last = len(out) - 1
	}
	return out
}

// add puts a case where its like are.
func (g *Groups) add(name, freq string, m, horizon int, id string, c accuracy.Case) {
	usual, known := accuracy.FrequencyOf(name)
	if !known {
		usual = accuracy.Frequency{Season: 1, Lag: 1}
	}
	length, stated := usual.Season, false
	if m > 0 {
		length, usual.Lag, stated = m, m, true
	}
	if g.cut.Season > 0 {
		length, usual.Lag, stated = g.cut.Season, g.cut.Season, true
	}
	c.Lag = usual.Lag
	for _, at := range g.list {
		if at.Name == name && at.Freq == freq && at.Season == length && at.Horizon == horizon && at.Stated == stated {
			at.IDs, at.Cases = append(at.IDs, id), append(at.Cases, c)
			return
		}
	}
	g.list = append(g.list, &Group{
		Name: name, Freq: freq, Season: length, Horizon: horizon, Stated: stated, IDs: []string{id}, Cases: []accuracy.Case{c},
	})
}

// IsLines says whether a file holds JSON lines: its name or its first sign
// tells.
func IsLines(path string, head []byte) bool {
	name := strings.TrimSuffix(path, ".gz")
	if strings.HasSuffix(name, ".jsonl") || strings.HasSuffix(name, ".ndjson") {
		return true
	}
	return strings.HasPrefix(strings.TrimLeft(string(head), " \t\r\n\ufeff"), "{")
}
