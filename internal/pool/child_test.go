package pool

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// childEnv makes the test binary a worker process that prints its address and
// a line for each call, which it never answers.
const childEnv = "OMNI_POOL_TEST_WORKER"

func runChild() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	panic(http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/internal/health" {
			_ = json.NewEncoder(w).Encode(healthy(4, "echo"))
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Println("call")
		<-r.Context().Done()
	})))
}

// A worker killed with kill -9 in mid-call: the caller gets 502, once, and the
// other worker, though ready and idle by then, never sees the call.
func TestKilledWorkerIsNoReplay(t *testing.T) {
	t.Parallel()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the child says nothing")
	}
	other := newFake(t, loading("echo"))
	p := newPool(t, nil, Worker{Name: "victim", URL: "http://" + lines.Text()}, other.worker("other"))
	untilState(t, p, "victim", stateReady)
	failed := make(chan error, 1)
	go func() {
		_, err := p.Do(t.Context(), call("echo", strings.Repeat("x", 1000)))
		failed <- err
	}()
	if !lines.Scan() || lines.Text() != "call" {
		t.Fatalf("the child saw %q", lines.Text())
	}
	other.set(func(f *fakeWorker) { f.health = healthy(4, "echo") })
	untilState(t, p, "other", stateReady)
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	refusedWith(t, <-failed, 502, "worker_failed")
	if lines.Scan() {
		t.Fatalf("the child saw %q more", lines.Text())
	}
	untilState(t, p, "victim", stateUnreachable)
	if n := other.calls.Load(); n != 0 {
		t.Fatalf("the call was replayed %d times", n)
	}
	resp, err := p.Do(t.Context(), call("echo", "y"))
	if got := answered(t, resp, err); got != "y" {
		t.Fatalf("the other worker answers %q", got)
	}
}
