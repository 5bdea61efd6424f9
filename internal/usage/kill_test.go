package usage

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"
)

// childEnv, when set, makes the test binary a process that records usage in
// the folder named there until it is killed.
const childEnv = "OMNI_USAGE_TEST_CHILD"

// child writes one byte before each Record and another after each that
// returned nil. It folds all the time, so that it also dies while folding.
func child(dir string) {
	l, err := Open(context.Background(), Options{
		Dir: dir, FoldEvery: time.Millisecond, SegmentBytes: 4000, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return noon },
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	for {
		if _, err := os.Stdout.WriteString("b"); err != nil {
			os.Exit(3)
		}
		if err := l.Record(entry("acme", 1)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(4)
		}
		if _, err := os.Stdout.WriteString("a"); err != nil {
			os.Exit(5)
		}
	}
}

// TestKilledProcessLosesNothingAcknowledged kills a recording process at
// random moments, again and again on the same ledger. What it acknowledged is
// counted once, whatever it was doing when it died; of what it did not
// acknowledge at most the last record of each round may be counted too.
func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	const rounds = 8
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	var begun, acknowledged int64
	for range rounds {
		b, a := killOne(t, dir, time.Duration(random.IntN(60))*time.Millisecond)
		begun, acknowledged = begun+b, acknowledged+a
	}
	if acknowledged < rounds {
		t.Fatalf("only %d records were acknowledged, so the test proves nothing", acknowledged)
	}
	l := openAt(t, dir, nil)
	defer closeNow(t, l)
	n, units := total(t, l, "acme")
	if n < acknowledged || n > begun || units != n {
		t.Errorf("%d requests and %d units counted; %d were acknowledged, %d begun", n, units, acknowledged, begun)
	}
	if got := l.MonthUnits("acme"); got != n {
		t.Errorf("month has %d units, want %d", got, n)
	}
	t.Logf("%d rounds: %d acknowledged, %d begun, %d counted", rounds, acknowledged, begun, n)
}

func killOne(t *testing.T, dir string, after time.Duration) (begun, acknowledged int64) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(pipe)
	// The clock starts when the child has acknowledged something.
	for acknowledged == 0 {
		c, err := in.ReadByte()
		if err != nil {
			t.Fatalf("the child ended before its first record: %v", err)
		}
		if c == 'a' {
			acknowledged++
		} else {
			begun++
		}
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	rest, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range rest {
		if c == 'a' {
			acknowledged++
		} else {
			begun++
		}
	}
	// It was killed: the error says so and nothing else.
	_ = cmd.Wait()
	return begun, acknowledged
}
