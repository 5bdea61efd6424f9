package edge_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/edge"
)

// shut starts a door whose gateway never opens.
func shut(t *testing.T) (url string, stop func() error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := edge.NewDoor(config.Config{Workers: []config.Worker{{Name: "a"}}}.WithDefaults(), "test", slog.New(slog.DiscardHandler), time.Now)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- d.Serve(ctx, ln) }()
	t.Cleanup(cancel)
	return "http://" + ln.Addr().String(), func() error {
		cancel()
		return <-ended
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(raw)
}

func TestHealthIsAnsweredWhileTheStoresOpen(t *testing.T) {
	t.Parallel()
	url, stop := shut(t)
	for path, want := range map[string]int{"/health": 200, "/health/live": 200, "/health/ready": 503} {
		if status, body := get(t, url+path); status != want || !strings.Contains(body, `"request_id"`) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, body := get(t, url+"/health"); !strings.Contains(body, `"total":1`) || !strings.Contains(body, `"service":"api-gateway"`) {
		t.Errorf("%d %s", status, body)
	}
	http.DefaultClient.CloseIdleConnections()
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestOtherRequestsWaitForTheDoor(t *testing.T) {
	t.Parallel()
	f := start(t, setup{late: 150 * time.Millisecond})
	if a := f.call("POST", "/sentiment/analyze", proKey, `{}`); a.status != 200 {
		t.Errorf("%d %s", a.status, a.raw)
	}
}
