package plot

import (
	"time"

	"gonum.org/v1/plot"
)

// calendar puts ticks where years, months, days or hours begin.
type calendar struct{}

// pace is a distance between ticks with the words it needs.
type pace struct {
	years, months, days int
	hours               time.Duration
	format              string
}

var paces = []pace{
	{hours: time.Hour, format: "15:04"},
	{hours: 3 * time.Hour, format: "2 Jan 15:04"},
	{hours: 6 * time.Hour, format: "2 Jan 15:04"},
	{hours: 12 * time.Hour, format: "2 Jan 15:04"},
	{days: 1, format: "2 Jan"},
	{days: 2, format: "2 Jan"},
	{days: 7, format: "2 Jan"},
	{days: 14, format: "2 Jan"},
	{months: 1, format: "Jan 2006"},
	{months: 3, format: "Jan 2006"},
	{months: 6, format: "Jan 2006"},
	{years: 1, format: "2006"},
	{years: 2, format: "2006"},
	{years: 5, format: "2006"},
	{years: 10, format: "2006"},
	{years: 20, format: "2006"},
	{years: 50, format: "2006"},
	{years: 100, format: "2006"},
}

// mostTicks is how many dates fit under a picture.
const mostTicks = 8

// Ticks implements plot.Ticker for an axis of unix seconds.
func (calendar) Ticks(low, high float64) []plot.Tick {
	from, to := time.Unix(int64(low), 0).UTC(), time.Unix(int64(high), 0).UTC()
	for _, p := range paces {
		if out, fits := p.between(from, to); fits {
			return out
		}
	}
	return []plot.Tick{{Value: low, Label: from.Format("2006")}, {Value: high, Label: to.Format("2006")}}
}

func (p pace) between(from, to time.Time) (out []plot.Tick, fits bool) {
	for t := p.floor(from); !t.After(to); t = p.next(t) {
		if t.Before(from) {
			continue
		}
		if len(out) == mostTicks {
			return nil, false
		}
		out = append(out, plot.Tick{Value: float64(t.Unix()), Label: t.Format(p.format)})
	}
	return out, len(out) > 0
}

// floor is a boundary of the pace at or before t.
func (p pace) floor(t time.Time) time.Time {
	switch {
	case p.years > 0:
		return time.Date(t.Year()-t.Year()%p.years, 1, 1, 0, 0, 0, 0, time.UTC)
	case p.months > 0:
		return time.Date(t.Year(), t.Month()-(t.Month()-1)%time.Month(p.months), 1, 0, 0, 0, 0, time.UTC)
	case p.days > 0:
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	}
	return t.Truncate(p.hours)
}

func (p pace) next(t time.Time) time.Time {
	if p.hours > 0 {
		return t.Add(p.hours)
	}
	return t.AddDate(p.years, p.months, p.days)
}
