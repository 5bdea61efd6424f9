package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	heldCalls = 10_000
	heldBody  = 4 << 10
	// heldEach is what a held call counts beside its body.
	heldEach = 24 << 10
	// heldBytes is the cap on held bytes: the calls' and 24 larger ones'.
	heldBytes = heldCalls*(heldBody+heldEach) + 24*(1<<20+heldEach)
	// heldMemory is the container in which deploy/ runs a gateway: what the
	// whole process may take while all of it is held.
	heldMemory = 512 << 20
)

// resident is the memory of a process that is in use, in bytes.
func resident(t *testing.T, p *process) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// waiting is a call whose answer has not been read.
type waiting struct{ net.Conn }

// post sends a call with a body of so many bytes on a connection of its own.
func (g *gateway) post(bytes int) (waiting, error) {
	conn, err := net.Dial("tcp", g.addr)
	if err != nil {
		return waiting{}, err
	}
	const around = `{"pad":""}`
	_, err = fmt.Fprintf(conn, "POST /recommend/interactions HTTP/1.1\r\nHost: omni\r\nX-API-Key: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"+
		`{"pad":"%s"}`, enterpriseKey, bytes, strings.Repeat("x", bytes-len(around)))
	return waiting{conn}, err
}

// answer reads the answer and ends the connection.
func (w waiting) answer() (a answer, err error) {
	defer func() { err = errors.Join(err, w.Close()) }()
	if err := w.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return a, err
	}
	res, err := http.ReadResponse(bufio.NewReader(w.Conn), nil)
	if err != nil {
		return a, err
	}
	raw, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, raw}, errors.Join(err, res.Body.Close())
}

// Ten thousand calls with their bodies are held while no worker is ready: the
// process stays within its bounds, what would pass the cap on bytes is refused
// at once, health answers, and every call that was held is answered in the end.
func TestTenThousandHeldCalls(t *testing.T) {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil || files.Cur < heldCalls+500 {
		t.Skipf("%d files may be open here (%v); each call is one", files.Cur, err)
	}
	w := startStub(t, nil)
	w.set(false, nil)
	g := startGateway(t, gatewaySetup{
		worker: w.URL, yaml: fmt.Sprintf("hold: {max_requests: %d, tenant_requests: %d, max_bytes: %d, tenant_bytes: %d}\n",
			heldCalls+1000, heldCalls+1000, heldBytes, heldBytes) +
			"tiers: {enterprise: {requests_per_minute: 10000000, burst: 1000000, concurrent: 100000}}\n" +
			"log: {access: false}\n",
		env: []string{"GOMEMLIMIT=400MiB"},
	}) // as deploy/ sets it for that container
	figure := func(name string) float64 {
		return metric(string(g.call("GET", "/metrics", "", "").body), name)
	}
	idle := resident(t, g.process)
	calls := make([]waiting, 0, heldCalls+24)
	defer func() {
		for _, c := range calls {
			_ = c.Close() // most are closed already
		}
	}()
	for range heldCalls {
		c, err := g.post(heldBody)
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls, c)
	}
	eventually(t, "all of them held", func() bool { return figure(`omni_gateway_queue_depth{service="recommend"}`) == heldCalls })
	if b := figure("omni_gateway_queue_bytes"); b != heldCalls*(heldBody+heldEach) {
		t.Errorf("%v bytes are held, want %d", b, heldCalls*(heldBody+heldEach))
	}
	full := resident(t, g.process)

	// Megabytes up to the cap, and beyond it.
	for range 24 {
		c, err := g.post(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls, c)
	}
	eventually(t, "the cap on bytes reached", func() bool { return figure("omni_gateway_queue_bytes") == heldBytes })
	for range 16 {
		c, err := g.post(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		if a, err := c.answer(); err != nil || a.status != 503 || a.code() != "queue_full" || a.header.Get("Retry-After") == "" {
			t.Errorf("a call beyond the cap: %v %s", err, a)
		}
	}
	most := resident(t, g.process)
	t.Logf("resident: idle %d MB, %d held %d MB, at the cap of %d MB %d MB", idle>>20, heldCalls, full>>20, heldBytes>>20, most>>20)
	if most > heldMemory {
		t.Errorf("the process takes %d bytes, its bound is %d", most, heldMemory)
	}
	g.want(200, "GET", "/health", "", "")
	g.want(200, "GET", "/usage", proKey, "")

	w.set(true, nil)
	for _, c := range calls {
		if a, err := c.answer(); err != nil || a.status != 200 {
			t.Fatalf("a call that was held: %v %s", err, a)
		}
	}
	if n := w.count(); n != heldCalls+24 {
		t.Errorf("the worker had %d calls, want %d", n, heldCalls+24)
	}
	eventually(t, "nothing held", func() bool { return figure("omni_gateway_queue_bytes") == 0 })
}
