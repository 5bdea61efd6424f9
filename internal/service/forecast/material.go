package forecast

import (
	"fmt"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/season"
)

// material is one series of a tenant's training: cleaned, on even dates, and
// divided by its size.
type material struct {
	values []float64
	// kind is what its dates or its frequency make of it for the shipped
	// networks, "" where unknown; period is its season, 1 for none.
	kind   string
	period int
}

// readMaterial checks the i-th series of a specification.
func readMaterial(i int, s api.ForecastSeries, impute string, most int, n *notes) (*material, error) {
	prefix := fmt.Sprintf("series[%d].", i)
	y, err := cleaned(prefix+"time_series", s.TimeSeries, impute, most)
	if err != nil {
		return nil, err
	}
	clock, err := readClock(s, prefix, len(y), gapsLinear, func(format string, args ...any) {
		n.add(prefix + "timestamps: " + fmt.Sprintf(format, args...))
	})
	if err != nil {
		return nil, err
	}
	m := &material{values: y, kind: clock.part(), period: 1}
	var candidates []int
	if clock != nil {
		candidates = clock.freq.seasons()
		m.values, _ = clock.laid(y, nil, gapsLinear)
	}
	if len(s.Exogenous) > 0 {
		n.add(prefix + "exogenous was left out: a tenant's networks read no columns")
	}
	if skip := len(m.values) - longestHistory; skip > 0 {
		m.values = m.values[skip:]
	}
	m.values = divided(m.values, unitOf(m.values))
	if found := season.Detect(m.values, candidates, longestSearch); found > 1 && len(m.values) >= 2*found {
		m.period = found
	}
	return m, nil
}

// prepared is the series as a network trained from nothing learns it.
func (m *material) prepared() []float64 {
	return newTransform(m.values, m.period).apply(m.values)
}

// mostNotes bounds what a description says of thousands of series.
const mostNotes = 20

// notes collects the warnings of a training.
type notes struct {
	list []string
	more int
}

func (n *notes) add(text string) {
	if len(n.list) == mostNotes {
		n.more++
		return
	}
	n.list = append(n.list, text)
}

// all are the notes, with a last one that counts those left out.
func (n *notes) all() []string {
	if n.more == 0 {
		return n.list
	}
	return append(n.list[:len(n.list):len(n.list)], counted(n.more, "further warning", "further warnings"))
}
