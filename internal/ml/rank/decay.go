package rank

import (
	"math"
	"time"
)

// Decaying is a sum of weights each of which halves every half-life, kept as
// one number: the sum as it stood at the newest event. The zero value is an
// empty sum.
type Decaying struct {
	Sum float64
	// At is the time of the newest event, unix seconds.
	At int64
}

// Add counts an event of that weight; events may come in any order.
func (d *Decaying) Add(weight float64, at int64, halfLife time.Duration) {
	if at >= d.At {
		d.Sum = d.Sum*fade(at-d.At, halfLife) + weight
		d.At = at
		return
	}
	d.Sum += weight * fade(d.At-at, halfLife)
}

// Value returns the sum as it stands at now; events after now count in full.
func (d Decaying) Value(now int64, halfLife time.Duration) float64 {
	return d.Sum * fade(max(now-d.At, 0), halfLife)
}

func fade(seconds int64, halfLife time.Duration) float64 {
	return math.Exp2(-float64(seconds) / halfLife.Seconds())
}

// Fade returns what remains of a weight of 1 after age; 1 for a negative age.
func Fade(age, halfLife time.Duration) float64 {
	return math.Exp2(-max(age, 0).Seconds() / halfLife.Seconds())
}
