package pool

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/metricsmerge"
)

// startHeavy runs the example worker and returns its address.
func startHeavy(t *testing.T, seconds string) (string, *exec.Cmd) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("this test runs examples/heavy-worker and needs python3")
	}
	cmd := exec.Command(python, "../../examples/heavy-worker/worker.py", "--port=0", "--load-seconds="+seconds)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(strings.TrimPrefix(line, "listening on ")), cmd
}

func heavyCall(body string) *Request {
	r := call("heavy", body)
	r.Path = "/internal/heavy/echo"
	return r
}

// Fifty calls come while a worker in another language loads for two seconds:
// none fails, each is answered with its own result.
func TestHeavyWorkerIsWaitedFor(t *testing.T) {
	t.Parallel()
	address, cmd := startHeavy(t, "2")
	p := newPool(t, func(o *Options) { o.ProbeFast, o.ProbeSlow = 0, 0 }, Worker{Name: "heavy", URL: address})
	untilState(t, p, "heavy", stateLoading)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			resp, err := p.Do(context.Background(), heavyCall(fmt.Sprintf(`{"numbers":[%d]}`, 1000+i)))
			if err != nil {
				t.Errorf("call %d: %v", i, err)
				return
			}
			defer resp.Body.Close()
			var answer struct {
				Factors [][]int `json:"factors"`
				Tenant  string  `json:"tenant_id"`
			}
			content, _ := io.ReadAll(resp.Body)
			if err := json.Unmarshal(content, &answer); err != nil || len(answer.Factors) != 1 || answer.Tenant != "t" {
				t.Errorf("call %d: %d %s", i, resp.Status, content)
				return
			}
			product := 1
			for _, f := range answer.Factors[0] {
				product *= f
			}
			if product != 1000+i || !slices.IsSorted(answer.Factors[0]) || !resp.Cold || resp.Queue <= 0 {
				t.Errorf("call %d: factors %v, cold %v, queued %v", i, answer.Factors, resp.Cold, resp.Queue)
			}
		})
	}
	wg.Wait()
	for body, status := range map[string]int{`{"numbers":[0]}`: 422, `{`: 400, `[]`: 422} {
		resp, err := p.Do(t.Context(), heavyCall(body))
		if got := answered(t, resp, err); resp.Status != status || !strings.Contains(got, `"status": "error"`) {
			t.Errorf("%s: %d %s", body, resp.Status, got)
		}
	}
	families, dropped := metricsmerge.Merge(nil, p.MetricsTexts(t.Context()), metricsmerge.Limits{})
	if len(dropped) > 0 || len(families) != 3 {
		t.Errorf("metrics: %d families, dropped %v", len(families), dropped)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	untilState(t, p, "heavy", stateUnreachable)
}

// A caller who waits for less than the load is told when to come back.
func TestHeavyWorkerRefusesWhileLoading(t *testing.T) {
	t.Parallel()
	address, _ := startHeavy(t, "600")
	p := newPool(t, nil, Worker{Name: "heavy", URL: address})
	untilState(t, p, "heavy", stateLoading)
	short := heavyCall(`{"numbers":[1]}`)
	short.MaxWait = 20 * time.Millisecond
	_, err := p.Do(t.Context(), short)
	if e := refusedWith(t, err, 503, "still_loading"); e.RetryAfter != maxEstimate {
		t.Errorf("Retry-After %v, want the cap", e.RetryAfter)
	}
}
