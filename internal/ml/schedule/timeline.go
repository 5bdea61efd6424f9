package schedule

import "slices"

// timeline is how much of one worker's capacity is taken over time: used[k]
// units on [from[k], from[k+1]), the last segment endless and empty.
// Neighbouring segments differ, so a packed timeline stays short.
type timeline struct {
	from     []float64
	used     []int
	capacity int
}

func (l *timeline) reset(capacity int) {
	l.from = append(l.from[:0], 0)
	l.used = append(l.used[:0], 0)
	l.capacity = capacity
}

// segment returns the index of the segment holding time t.
func (l *timeline) segment(t float64) int {
	// Most searches are near the end.
	if last := len(l.from) - 1; l.from[last] <= t {
		return last
	}
	k, found := slices.BinarySearch(l.from, t)
	if !found {
		k--
	}
	return k
}

// fit returns the earliest start not before ready at which demand units are
// free for the whole of the given time.
func (l *timeline) fit(ready, time float64, demand int) float64 {
	if time <= 0 {
		return ready
	}
	start := ready
	for k := l.segment(ready); ; k++ {
		if k == len(l.from)-1 {
			return start
		}
		if l.used[k]+demand > l.capacity {
			start = l.from[k+1]
		} else if start+time <= l.from[k+1] {
			return start
		}
	}
}

// place takes demand units on [start, end).
func (l *timeline) place(start, end float64, demand int) {
	if end <= start {
		return
	}
	first := l.split(start)
	last := l.split(end)
	for k := first; k < last; k++ {
		l.used[k] += demand
	}
	l.merge(last)
	l.merge(first)
}

// split makes t a border between segments and returns the one it begins.
func (l *timeline) split(t float64) int {
	k := l.segment(t)
	if l.from[k] == t {
		return k
	}
	l.from = slices.Insert(l.from, k+1, t)
	l.used = slices.Insert(l.used, k+1, l.used[k])
	return k + 1
}

// merge joins segment k to the one before when they are alike.
func (l *timeline) merge(k int) {
	if k > 0 && l.used[k] == l.used[k-1] {
		l.from = slices.Delete(l.from, k, k+1)
		l.used = slices.Delete(l.used, k, k+1)
	}
}
