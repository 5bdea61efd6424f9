package usage

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func newMapped(t *testing.T) (m *mapped, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "segment")
	f, err := openSegment(path)
	if err != nil {
		t.Fatal(err)
	}
	m = f.(*mapped)
	t.Cleanup(func() { _ = m.file.Close() })
	return m, path
}

func put(t *testing.T, m *mapped, all *bytes.Buffer, p []byte) {
	t.Helper()
	if n, err := m.Write(p); n != len(p) || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	all.Write(p)
}

func holds(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("the segment has %d bytes (%v), want the %d that were written", len(got), err, len(want))
	}
}

func TestMappedSegmentHoldsWhatWasWritten(t *testing.T) {
	t.Parallel()
	m, path := newMapped(t)
	var all bytes.Buffer
	for i := range 40 { // over several windows, and once more than a window at a time
		put(t, m, &all, bytes.Repeat([]byte{byte(i + 1)}, 20_011))
	}
	put(t, m, &all, bytes.Repeat([]byte{77}, window+5))
	put(t, m, &all, []byte("end"))
	if m.plain {
		t.Error("it was written with write(2)")
	}
	// Another reader sees it before it is closed.
	got, err := os.ReadFile(path)
	if err != nil || !bytes.HasPrefix(got, all.Bytes()) || len(bytes.Trim(got[all.Len():], "\x00")) > 0 {
		t.Fatalf("a reader finds %d bytes: %v", len(got), err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if end, err := written(f, int64(len(got))); err != nil || end != int64(all.Len()) {
		t.Errorf("written = %d, %v; want %d", end, err, all.Len())
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	holds(t, path, all.Bytes())
}

func TestMappedSegmentCutOffBySomebody(t *testing.T) {
	t.Parallel()
	m, path := newMapped(t)
	var all bytes.Buffer
	put(t, m, &all, bytes.Repeat([]byte("a"), 10_000))
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	// The page is beyond the file's end, which is a fault and no signal's death.
	if n, err := m.Write([]byte("b")); n != 1 || err != nil || !m.plain {
		t.Fatalf("Write = %d, %v", n, err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	holds(t, path, append(make([]byte, 10_000), 'b'))
}

func TestMappedSegmentWithoutAMapping(t *testing.T) {
	t.Parallel()
	m, path := newMapped(t)
	reopened, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0o600) // which cannot be mapped for writing
	if err != nil {
		t.Fatal(err)
	}
	_ = m.file.Close()
	m.file = reopened
	var all bytes.Buffer
	put(t, m, &all, []byte("one"))
	put(t, m, &all, []byte("two"))
	if !m.plain {
		t.Error("it was mapped")
	}
	holds(t, path, all.Bytes())
	if err := m.Truncate(3); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	holds(t, path, all.Bytes()[:3])
}

func TestRoomThatAKilledProcessLeftIsNoDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := openAt(t, dir, nil)
	if err := l.Record(entry("acme", 1)); err != nil {
		t.Fatal(err)
	}
	path := segmentPath(dir, l.out.seq)
	raw, err := os.ReadFile(path) // as it stands while the process lives
	if err != nil || len(raw) != window {
		t.Fatalf("a segment of %d bytes: %v", len(raw), err)
	}
	other := t.TempDir()
	if err := os.WriteFile(segmentPath(other, 0), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	closeNow(t, l)
	l = openAt(t, other, nil)
	defer closeNow(t, l)
	if n, units := total(t, l, "acme"); n != 1 || units != 1 {
		t.Errorf("%d requests, %d units; want 1 and 1", n, units)
	}
	if skipped := l.Stats().SkippedBytes; skipped != 0 {
		t.Errorf("%d bytes were taken for damage", skipped)
	}
}
