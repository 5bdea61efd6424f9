package stream

import "math"

// never is the position of an event that has not been.
const never = -1 << 40

// record is the greatest error of a feature, as far as it is remembered.
type record struct {
	Height float64 // what is to be broken
	Before float64 // its height when the present event began
	Peak   float64 // the greatest error of the present event
	Last   int64   // the position of the event's last excess
}

// news returns the logarithm of by how much e breaks the record, 0 if it does
// not, and lets the record learn. Errors count as at least floor.
func (r *record) news(c *Config, e, floor float64, position int64) float64 {
	r.Height *= 1 - 1/c.Fading
	during := position-r.Last < c.Event
	bar := max(r.Height, floor)
	if during {
		bar = max(bar, r.Peak)
	}
	var news float64
	if e > bar {
		// Floors of 0 come with errors of 0 only, which break nothing.
		news = min(math.Log(e)-math.Log(bar), loudest)
	}
	switch {
	case e <= max(r.Height, floor):
	case position < learning, r.Height <= floor:
		// Where nothing was known, part of the way from nothing would leave
		// the next ordinary error news again.
		r.Height = e
	default:
		if !during {
			r.Before, r.Peak = max(r.Height, floor), e
		}
		r.Peak, r.Last = max(r.Peak, e), position
		between := math.Exp((1-c.Raise)*math.Log(r.Before) + c.Raise*math.Log(r.Peak))
		r.Height = max(r.Height, between)
	}
	return news
}

// told is the loudest news of the present event.
type told struct {
	Peak float64
	Last int64
}

// onset returns the news, or 0 if the event has already told as much.
func (t *told) onset(c *Config, news float64, position int64) float64 {
	if position-t.Last >= c.Event {
		t.Peak = 0
	}
	if news < t.Peak || news == 0 {
		return 0
	}
	if news > t.Peak {
		t.Peak, t.Last = news, position
	}
	return news
}
