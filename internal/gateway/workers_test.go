package gateway

import (
	"testing"
	"time"

	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/pool"
)

// Which of the workers that a reload puts are to prove themselves, and for
// which the former way of waking them can stand in.
func TestWhatHasToProveItself(t *testing.T) {
	t.Parallel()
	worker := func(change func(*config.Worker)) config.Worker {
		w := config.Worker{Name: "w", URL: "http://127.0.0.1:9090", Token: "t", Wake: config.Wake{Kind: config.WakeProcess, Command: []string{"worker"}, Idle: config.Duration(time.Minute)}}
		change(&w)
		return w
	}
	running := []config.Worker{worker(func(*config.Worker) {}), {Name: "other", URL: "http://127.0.0.1:9091"}}
	for name, c := range map[string]struct {
		change        func(*config.Worker)
		prove, former bool
	}{
		"nothing":     {func(*config.Worker) {}, false, true},
		"command":     {func(w *config.Worker) { w.Wake.Command = []string{"worker", "-x"} }, true, true},
		"environment": {func(w *config.Worker) { w.Wake.Env = map[string]string{"A": "b"} }, true, true},
		"kind":        {func(w *config.Worker) { w.Wake = config.Wake{Kind: config.WakeHTTP} }, true, true},
		"idle":        {func(w *config.Worker) { w.Wake.Idle, w.Wake.Timeout, w.Wake.StopGrace = 1, 2, 3 }, false, true},
		"address":     {func(w *config.Worker) { w.URL = "http://127.0.0.1:9095" }, true, false},
		"token":       {func(w *config.Worker) { w.Token = "another" }, false, false},
		"both":        {func(w *config.Worker) { w.Token, w.Wake.Dir = "another", "/" }, true, false},
		"new":         {func(w *config.Worker) { w.Name = "new" }, true, false},
	} {
		made := make([]pool.Worker, 1)
		toProve(made, []config.Worker{worker(c.change)}, running)
		if made[0].Prove != c.prove || made[0].Former != c.former {
			t.Errorf("%s: prove %v, former %v", name, made[0].Prove, made[0].Former)
		}
	}
}
