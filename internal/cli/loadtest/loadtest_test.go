package loadtest_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/omni-run/omni/internal/cli/loadtest"
)

func TestCountsAndPercentiles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n, running, most atomic.Int64
		r, err := loadtest.Run(t.Context(), loadtest.Options{
			Requests: 100, Concurrent: 4, Duration: time.Hour,
			Call: func(context.Context) error {
				most.Store(max(most.Load(), running.Add(1)))
				defer running.Add(-1)
				i := n.Add(1)
				time.Sleep(time.Duration(i) * time.Millisecond)
				if i%10 == 0 {
					return errors.New("busy")
				}
				return nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if r.Requests != 100 || r.Failed != 10 || r.Failures["busy"] != 10 || most.Load() != 4 {
			t.Fatalf("%+v, %d at a time", r, most.Load())
		}
		// The 90 good ones took every number of ms from 1 to 99 but the tens.
		if r.P50 != 49*time.Millisecond || r.Max != 99*time.Millisecond {
			t.Fatalf("%+v", r)
		}
		if !strings.Contains(r.String(), "10 × busy") {
			t.Fatal(r)
		}
	})
}

func TestEndsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, err := loadtest.Run(t.Context(), loadtest.Options{
			Requests: 1_000_000, Concurrent: 2, Duration: time.Second,
			Call: func(ctx context.Context) error {
				select {
				case <-time.After(300 * time.Millisecond):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			},
		})
		if err != nil || r.Requests != 6 || r.Failed != 0 || r.Elapsed != time.Second {
			t.Fatalf("%+v %v", r, err)
		}
	})
}

func TestRefusesNonsense(t *testing.T) {
	t.Parallel()
	call := func(context.Context) error { return nil }
	for _, o := range []loadtest.Options{
		{},
		{Requests: 1, Concurrent: 1, Duration: time.Second},
		{Requests: 0, Concurrent: 1, Duration: 1, Call: call},
		{Requests: 1, Concurrent: 0, Duration: 1, Call: call},
		{Requests: 1, Concurrent: 1, Call: call},
	} {
		if _, err := loadtest.Run(t.Context(), o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}
