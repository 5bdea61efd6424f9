package usage

import (
	"sync/atomic"
	"testing"
	"time"
)

// A clock that steps back an hour while calls are recorded, folded and
// reported: each is counted once, under the day it says, and the month's units
// are what they were.
func TestClockSteppingBack(t *testing.T) {
	t.Parallel()
	var offset atomic.Int64
	dir := t.TempDir()
	clock := func() time.Time { return noon.Add(time.Duration(offset.Load())) }
	l := openAt(t, dir, func(o *Options) { o.Now = clock })
	for i := range 30 {
		if i%10 == 5 {
			offset.Add(-int64(time.Hour))
		}
		e := entry("a", 2)
		e.At = clock()
		record(t, l, e)
		if i%7 == 0 {
			if err := l.Fold(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if requests, units := total(t, l, "a"); requests != 30 || units != 60 {
		t.Errorf("%d requests, %d units", requests, units)
	}
	if n := l.MonthUnits("a"); n != 60 {
		t.Errorf("%d units this month", n)
	}
	closeNow(t, l)
	offset.Add(-int64(2 * time.Hour))
	l = openAt(t, dir, func(o *Options) { o.Now = clock })
	defer closeNow(t, l)
	if requests, units := total(t, l, "a"); requests != 30 || units != 60 || l.MonthUnits("a") != 60 {
		t.Errorf("after a restart: %d requests, %d units, %d this month", requests, units, l.MonthUnits("a"))
	}
}
