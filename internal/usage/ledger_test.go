package usage

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		child(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

var noon = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

func entry(tenant string, units int64) Entry {
	return Entry{At: noon, Tenant: tenant, Route: "POST /predict/revenue", Status: 200, Units: units, Latency: 5 * time.Millisecond}
}

func openAt(t *testing.T, dir string, change func(*Options)) *Ledger {
	t.Helper()
	o := Options{Dir: dir, FoldEvery: time.Hour, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return noon }}
	if change != nil {
		change(&o)
	}
	l, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func closeNow(t *testing.T, l *Ledger) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func record(t *testing.T, l *Ledger, entries ...Entry) {
	t.Helper()
	for _, e := range entries {
		if err := l.Record(e); err != nil {
			t.Fatal(err)
		}
	}
}

func total(t *testing.T, l *Ledger, tenant string) (requests, units int64) {
	t.Helper()
	a, err := l.Report(t.Context(), Query{Tenant: tenant, Range: Range{0, dayOf(noon)}})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Warnings) > 0 {
		t.Fatalf("warnings %q", a.Warnings)
	}
	return a.Total.Requests, a.Total.Units
}

func TestReport(t *testing.T) {
	t.Parallel()
	l := openAt(t, t.TempDir(), nil)
	defer closeNow(t, l)
	day := 24 * time.Hour
	at := func(e Entry, back time.Duration, status int, route string, latency time.Duration) Entry {
		e.At, e.Status, e.Latency = e.At.Add(-back), status, latency
		if route != "" {
			e.Route = route
		}
		return e
	}
	for range 9 {
		record(t, l, at(entry("acme", 2), 0, 200, "", 10*time.Millisecond))
	}
	record(
		t, l,
		at(entry("acme", 0), 0, 429, "", time.Millisecond),
		at(entry("acme", 0), 0, 503, "GET /usage", time.Second),
		at(entry("acme", 1), day, 200, "", time.Millisecond),
		at(entry("acme", 1), 31*day, 200, "", time.Millisecond),
		entry("other", 50),
	)
	limit := int64(100)
	a, err := l.Report(t.Context(), Query{Tenant: "acme", Tier: "free", Range: Range{dayOf(noon) - 1, dayOf(noon)}, MonthLimit: limit})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Usage) != 3 || a.From != "2026-03-30" || a.To != "2026-03-31" || a.TenantID != "acme" || a.Tier != "free" {
		t.Fatalf("report %+v", a)
	}
	busy := a.Usage[2]
	if busy.Day != "2026-03-31" || busy.Route != "POST /predict/revenue" || busy.Requests != 10 || busy.Units != 18 || busy.Errors != 1 || busy.ServerErrors != 0 {
		t.Errorf("row %+v", busy)
	}
	// Mean (9·10 + 1)/10; the percentiles lie in the bucket of 10 ms, which
	// reaches from 9.5 ms (1.2^25 / 10) to 11.4 ms.
	if f := busy.Latency; f.MeanMS != 9.1 || f.P50MS < 9.5 || f.P50MS > 11.5 || f.P95MS < f.P50MS || f.P95MS > 11.5 {
		t.Errorf("latency %+v", f)
	}
	if f := a.Total; f.Requests != 12 || f.Units != 19 || f.Errors != 2 || f.ServerErrors != 1 {
		t.Errorf("total %+v", f)
	}
	if m := a.Month; m.Month != "2026-03" || m.UnitsUsed != 19 || *m.UnitsLimit != 100 || *m.UnitsLeft != 81 || m.ResetsAt != "2026-04-01T00:00:00Z" {
		t.Errorf("month %+v", m)
	}
	var out bytes.Buffer
	if err := WriteCSV(&out, a); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 4 || lines[0] != "day,route,requests,units,errors,server_errors,mean_ms,p50_ms,p95_ms" || !strings.HasPrefix(lines[3], "2026-03-31,POST /predict/revenue,10,18,1,0,9.100,") {
		t.Errorf("CSV %q", lines)
	}
	sums, err := l.Summary(t.Context(), Range{0, dayOf(noon)}, "", 1)
	if err != nil || len(sums) != 1 || sums[0].Tenant != "acme" || sums[0].Requests != 13 || sums[0].Errors != 2 {
		t.Errorf("summary %+v, %v", sums, err)
	}
	if sums, err = l.Summary(t.Context(), Range{0, dayOf(noon)}, "acme", 9); err != nil || len(sums) != 1 || sums[0].Units != 50 {
		t.Errorf("second page %+v, %v", sums, err)
	}
}

func TestEmptyReport(t *testing.T) {
	t.Parallel()
	l := openAt(t, t.TempDir(), nil)
	defer closeNow(t, l)
	a, err := l.Report(t.Context(), Query{Tenant: "nobody", Range: Range{0, 1}})
	if err != nil || a.Usage == nil || len(a.Usage) != 0 || a.Total.Requests != 0 || a.Month.UnitsLimit != nil {
		t.Fatalf("%+v, %v", a, err)
	}
}

func TestParseRange(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"":                              "2026-03-02 2026-03-31",
		"from=2026-03-31":               "2026-03-31 2026-03-31",
		"to=2026-01-30":                 "2026-01-01 2026-01-30",
		"from=2025-04-01&to=2026-03-31": "2025-04-01 2026-03-31",
		"from=2025-03-30":               "",
		"from=2026-04-01":               "",
		"from=yesterday":                "",
		"to=2026-02-30":                 "",
		"to=":                           "",
		"from=0001-01-01&to=0001-01-02": "",
		"from=2026-03-02&to=2026-03-01": "",
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		r, err := ParseRange(q, noon)
		from, to := r.Days()
		if got := from + " " + to; (err != nil) != (want == "") || err == nil && got != want {
			t.Errorf("%q: %s, %v, want %s", query, got, err, want)
		}
	}
}

func TestBadEntriesAreRefused(t *testing.T) {
	t.Parallel()
	l := openAt(t, t.TempDir(), nil)
	defer closeNow(t, l)
	for name, spoil := range map[string]func(*Entry){
		"no tenant":   func(e *Entry) { e.Tenant = "" },
		"long tenant": func(e *Entry) { e.Tenant = strings.Repeat("x", 129) },
		"no route":    func(e *Entry) { e.Route = "" },
		"long route":  func(e *Entry) { e.Route = strings.Repeat("x", 257) },
		"status":      func(e *Entry) { e.Status = 0 },
		"units":       func(e *Entry) { e.Units = -1 },
	} {
		e := entry("acme", 1)
		spoil(&e)
		if err := l.Record(e); err == nil {
			t.Errorf("an entry with %s was recorded", name)
		}
	}
	if n, _ := total(t, l, "acme"); n != 0 {
		t.Errorf("%d requests counted", n)
	}
}

func TestReopenCountsOnceAndMonthSurvives(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round := int64(1); round <= 3; round++ {
		l := openAt(t, dir, func(o *Options) { o.SegmentBytes = 200 })
		for range 20 {
			record(t, l, entry("acme", 3))
		}
		if n, units := total(t, l, "acme"); n != 20*round || units != 60*round {
			t.Fatalf("round %d: %d requests, %d units", round, n, units)
		}
		if got := l.MonthUnits("acme"); got != 60*round {
			t.Fatalf("round %d: month has %d units", round, got)
		}
		closeNow(t, l)
		if err := l.Record(entry("acme", 1)); !errors.Is(err, ErrClosed) {
			t.Fatalf("after Close: %v", err)
		}
	}
	left, err := segments(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("segments left after a clean end: %v, %v", left, err)
	}
}

func TestMonthBeginsAnew(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := noon
	l := openAt(t, t.TempDir(), func(o *Options) { o.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now } })
	defer closeNow(t, l)
	record(t, l, entry("acme", 7))
	mu.Lock()
	now = noon.Add(24 * time.Hour)
	mu.Unlock()
	if got := l.MonthUnits("acme"); got != 0 {
		t.Errorf("the new month begins with %d units", got)
	}
	april, march := entry("acme", 5), entry("acme", 9)
	april.At = now
	// A call that began in March and ends in April after others.
	record(t, l, april, march)
	if got := l.MonthUnits("acme"); got != 5 {
		t.Errorf("April has %d units, want 5", got)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := openAt(t, dir, nil)
	if second, err := Open(t.Context(), l.opts); err == nil {
		closeNow(t, second)
		t.Error("two ledgers in one folder")
	}
	closeNow(t, l)
	closeNow(t, openAt(t, dir, nil))
}

func TestTornAndDamagedFramesAreSkipped(t *testing.T) {
	t.Parallel()
	whole := func(units int64) []byte { e := entry("acme", units); return appendFrame(nil, &e) }
	damaged := whole(100)
	damaged[len(damaged)-1] ^= 1
	for name, c := range map[string]struct {
		content         [][]byte
		requests, units int64
	}{
		"torn tail":      {[][]byte{whole(1), whole(2), whole(4)[:20]}, 2, 3},
		"torn header":    {[][]byte{whole(1), whole(2)[:3]}, 1, 1},
		"zeros at end":   {[][]byte{whole(1), make([]byte, 4096)}, 1, 1},
		"damaged middle": {[][]byte{whole(1), damaged, whole(4)}, 2, 5},
		"torn middle":    {[][]byte{whole(1), whole(2)[:15], whole(4)}, 2, 5},
		"huge length":    {[][]byte{whole(1), {255, 255, 255, 255, 1, 2, 3, 4}, whole(4)}, 2, 5},
		"only rubbish":   {[][]byte{bytes.Repeat([]byte("rubbish "), 500)}, 0, 0},
		"empty":          {nil, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(segmentPath(dir, 7), bytes.Join(c.content, nil), 0o600); err != nil {
				t.Fatal(err)
			}
			l := openAt(t, dir, nil)
			defer closeNow(t, l)
			record(t, l, entry("acme", 1000))
			if n, units := total(t, l, "acme"); n != c.requests+1 || units != c.units+1000 {
				t.Errorf("%d requests, %d units, want %d and %d", n, units, c.requests+1, c.units+1000)
			}
			if got := l.MonthUnits("acme"); got != c.units+1000 {
				t.Errorf("month has %d units", got)
			}
			if _, err := os.Stat(segmentPath(dir, 7)); !errors.Is(err, os.ErrNotExist) {
				t.Error("the folded segment is still there")
			}
		})
	}
}

// A death between deleting a segment and forgetting its mark must not make a
// later segment of the same name start in the middle.
func TestStaleMarkIsForgotten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := openAt(t, dir, nil)
	record(t, l, entry("acme", 1))
	if err := l.Fold(t.Context()); err != nil {
		t.Fatal(err)
	}
	seq := l.out.seq
	// Not closed: the process "dies" here, except for what would hold the lock.
	l.cancel()
	<-l.done
	if err := errors.Join(l.out.current.Close(), l.db.Close(), os.Remove(segmentPath(dir, seq))); err != nil {
		t.Fatal(err)
	}
	l.unlock()
	l = openAt(t, dir, nil)
	defer closeNow(t, l)
	record(t, l, entry("acme", 2))
	if n, units := total(t, l, "acme"); n != 2 || units != 3 {
		t.Errorf("%d requests, %d units, want 2 and 3", n, units)
	}
}

// disk is a segment file system that can be full.
type disk struct {
	mu sync.Mutex
	// room is how many more bytes fit; negative is endless.
	room      int
	stuck     bool // Truncate fails too
	truncated int
}

type diskFile struct {
	*os.File
	d *disk
}

func (d *disk) open(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	return &diskFile{f, d}, err
}

func (d *disk) set(room int, stuck bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room, d.stuck = room, stuck
}

func (f *diskFile) Write(p []byte) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.room < 0 || len(p) <= f.d.room {
		f.d.room -= min(len(p), max(0, f.d.room))
		return f.File.Write(p)
	}
	n, err := f.File.Write(p[:f.d.room])
	f.d.room = 0
	return n, errors.Join(err, syscall.ENOSPC)
}

func (f *diskFile) Truncate(size int64) error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.stuck {
		return syscall.EIO
	}
	f.d.truncated++
	return f.File.Truncate(size)
}

func TestFullDiskKeepsEntriesAndRecovers(t *testing.T) {
	t.Parallel()
	for _, stuck := range []bool{false, true} {
		t.Run(fmt.Sprint("stuck=", stuck), func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			d := &disk{room: -1}
			l := openAt(t, t.TempDir(), func(o *Options) {
				o.open = d.open
				o.Log = slog.New(slog.NewTextHandler(&log, nil))
			})
			record(t, l, entry("acme", 1))
			d.set(30, stuck) // half a frame
			for range 10 {
				if err := l.Record(entry("acme", 1)); !errors.Is(err, ErrPending) || !errors.Is(err, syscall.ENOSPC) {
					t.Fatalf("on a full disk: %v", err)
				}
			}
			if s := l.Stats(); s.Pending != 10 || s.Recorded != 1 || s.WriteErrors == 0 || s.Err == nil {
				t.Fatalf("stats %+v", s)
			}
			// Room for a few frames of the batch and a part of the next.
			d.set(200, stuck)
			l.mu.Lock()
			_ = l.flushPendingLocked(true)
			l.mu.Unlock()
			if n := l.MonthUnits("acme"); n != 11 {
				t.Errorf("month has %d units, want 11", n)
			}
			d.set(-1, stuck)
			l.mu.Lock()
			err := l.flushPendingLocked(true)
			l.mu.Unlock()
			if err != nil {
				t.Fatal(err)
			}
			record(t, l, entry("acme", 1))
			if n, units := total(t, l, "acme"); n != 12 || units != 12 {
				t.Errorf("%d requests, %d units, want each of the 12 once", n, units)
			}
			if s := l.Stats(); s.Pending != 0 || s.Recorded != 12 || s.Err != nil || s.Lost != 0 || !stuck && d.truncated == 0 {
				t.Errorf("stats %+v, truncated %d", s, d.truncated)
			}
			closeNow(t, l)
			if out := log.String(); !strings.Contains(out, "kept in memory") || !strings.Contains(out, "written to disk again") {
				t.Errorf("log %s", out)
			}
		})
	}
}

func TestPendingIsBounded(t *testing.T) {
	t.Parallel()
	d := &disk{}
	l := openAt(t, t.TempDir(), func(o *Options) { o.open, o.MaxPending = d.open, 1000 })
	lost := 0
	for range 1000 {
		switch err := l.Record(entry("acme", 1)); {
		case errors.Is(err, ErrLost):
			lost++
		case !errors.Is(err, ErrPending):
			t.Fatalf("on a full disk: %v", err)
		}
	}
	s := l.Stats()
	l.mu.Lock()
	held := len(l.pending)
	l.mu.Unlock()
	if held > 1000 || s.Pending+lost != 1000 || s.Lost != uint64(lost) || s.Pending < 10 {
		t.Errorf("%d bytes pending, %d lost, stats %+v", held, lost, s)
	}
	if got := l.MonthUnits("acme"); got != int64(s.Pending) {
		t.Errorf("month has %d units, want the %d pending ones", got, s.Pending)
	}
	if err := l.Close(); !errors.Is(err, ErrLost) {
		t.Errorf("Close hides the loss: %v", err)
	}
}

func TestRetention(t *testing.T) {
	t.Parallel()
	l := openAt(t, t.TempDir(), nil)
	defer closeNow(t, l)
	old, young := entry("acme", 1), entry("acme", 10)
	old.At, young.At = noon.Add(-801*24*time.Hour), noon.Add(-799*24*time.Hour)
	record(t, l, old, young, entry("acme", 100))
	if err := l.Fold(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.folding.Lock()
	l.pruned = time.Time{}
	l.folding.Unlock()
	if err := l.prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, units := total(t, l, "acme"); n != 2 || units != 110 {
		t.Errorf("%d requests, %d units after pruning, want 2 and 110", n, units)
	}
}

func TestConcurrentRecordFoldReport(t *testing.T) {
	t.Parallel()
	const writers, each = 4, 300
	l := openAt(t, t.TempDir(), func(o *Options) { o.FoldEvery, o.SegmentBytes = time.Millisecond, 2000 })
	defer closeNow(t, l)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				if err := l.Record(entry("acme", 1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for last := int64(0); last < writers*each; {
			n, _ := total(t, l, "acme")
			if n < last || t.Failed() {
				t.Errorf("the count went from %d to %d", last, n)
				return
			}
			last = n
		}
	})
	wg.Wait()
	if n, units := total(t, l, "acme"); n != writers*each || units != writers*each {
		t.Errorf("%d requests, %d units", n, units)
	}
}

func TestFrameRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := Entry{
			At:      time.UnixMicro(rapid.Int64Range(-1<<50, 1<<52).Draw(t, "at")).UTC(),
			Tenant:  rapid.StringN(1, 30, 128).Draw(t, "tenant"),
			Route:   rapid.StringN(1, 60, 256).Draw(t, "route"),
			Status:  rapid.IntRange(100, 999).Draw(t, "status"),
			Units:   rapid.Int64Range(0, 1<<40).Draw(t, "units"),
			Latency: time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "latency")) * time.Microsecond,
		}
		frame := appendFrame(nil, &e)
		got, n := readFrame(append(frame, 1, 2, 3), &Entry{})
		if n != len(frame) || !reflect.DeepEqual(got, e) && e.Latency <= maxLatencyMicros*time.Microsecond {
			t.Fatalf("%+v came back as %+v (%d of %d bytes)", e, got, n, len(frame))
		}
		if _, n := readFrame(frame[:len(frame)-1], &Entry{Tenant: "other"}); n != 0 {
			t.Fatal("a torn frame was read")
		}
	})
}

func FuzzScan(f *testing.F) {
	e := entry("acme", 1)
	frame := appendFrame(nil, &e)
	f.Add(frame)
	f.Add(append(append([]byte("junk"), frame...), frame[:9]...))
	f.Fuzz(func(t *testing.T, data []byte) {
		emitted := 0
		done, skipped := scan(data, true, func(e Entry) {
			if err := e.validate(); err != nil {
				t.Fatal(err)
			}
			emitted++
		})
		if done != len(data) || skipped > done || emitted > len(data)/minPayload {
			t.Fatalf("%d of %d bytes done, %d skipped, %d entries", done, len(data), skipped, emitted)
		}
	})
}

func TestHistogramQuantiles(t *testing.T) {
	t.Parallel()
	var h histogram
	if h.quantile(0.5) != 0 {
		t.Error("an empty histogram has a median")
	}
	// 1 … 1000 ms evenly: the q-quantile is 1000q ms, to within a bucket.
	for ms := 1; ms <= 1000; ms++ {
		h.add(time.Duration(ms) * time.Millisecond)
	}
	for _, q := range []float64{0.05, 0.25, 0.5, 0.9, 0.95, 0.99} {
		if got, want := h.quantile(q), 1000*q; got < want/1.1 || got > want*1.1 {
			t.Errorf("quantile %v = %v ms, want %v", q, got, want)
		}
	}
	h = histogram{}
	h.add(1000 * time.Hour)
	if got := h.quantile(0.5); got < 3600_000 {
		t.Errorf("beyond the last bound: %v ms", got)
	}
	if back := decodeHistogram(h.encode()); back != h {
		t.Error("a histogram does not survive storage")
	}
}

func TestRecordAllocatesLittle(t *testing.T) {
	l := openAt(t, t.TempDir(), nil)
	defer closeNow(t, l)
	e := entry("acme", 1)
	record(t, l, e)
	least := math.Inf(1)
	for range 20 { // the folding in the background allocates, and is counted when it falls in
		least = min(least, testing.AllocsPerRun(100, func() {
			if err := l.Record(e); err != nil {
				t.Error(err)
			}
		}))
	}
	if least > 0 {
		t.Errorf("%v allocations a call, want none", least)
	}
}

func BenchmarkRecord(b *testing.B) {
	l, err := Open(b.Context(), Options{Dir: filepath.Join(b.TempDir(), "usage"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	e := entry("acme", 1)
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Record(e); err != nil {
			b.Fatal(err)
		}
	}
}
