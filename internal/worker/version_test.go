package worker_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/worker"
)

// versioned is an echo whose models a tenant can change.
type versioned struct {
	echo
	version func(tenant string) (string, error)
}

func (v *versioned) ModelVersion(_ context.Context, tenant string) (string, error) {
	return v.version(tenant)
}

// An answer states a model version exactly if the same call would be answered
// the same again.
func TestModelVersion(t *testing.T) {
	t.Parallel()
	var promoted atomic.Value
	promoted.Store("1")
	handler := service.JSON(func(_ context.Context, c *service.Call, r *echoRequest) (*echoAnswer, error) {
		switch r.Text {
		case "clock":
			c.Once()
		case "promote":
			promoted.Store("2")
		case "refuse":
			return nil, api.Unprocessable("bad_text", "no")
		}
		return &echoAnswer{}, nil
	})
	pure := &echo{name: "pure", routes: []service.Route{
		{Method: "POST", Path: "/pure", Repeatable: true, Handler: handler}, {Method: "POST", Path: "/stored", Handler: handler},
	}}
	trained := &versioned{
		echo: echo{name: "trained", routes: []service.Route{{Method: "POST", Path: "/trained", Repeatable: true, Handler: handler}}},
		version: func(tenant string) (string, error) {
			if tenant == "broken" {
				return "", errors.New("secret detail")
			}
			return promoted.Load().(string) + tenant, nil
		},
	}
	s, srv := newShell(t, worker.Options{Version: "v1.2.3", Services: []service.Service{pure, trained}})
	s.Start(t.Context())
	s.Wait()
	for _, c := range []struct{ path, text, tenant, want string }{
		{"/pure", "x", "acme", "v1.2.3"},
		{"/pure", "clock", "acme", ""},
		{"/pure", "refuse", "acme", ""},
		{"/stored", "x", "acme", ""},
		{"/trained", "x", "acme", "v1.2.3/1acme"},
		{"/trained", "x", "other", "v1.2.3/1other"},
		{"/trained", "x", "broken", ""},
		{"/trained", "promote", "acme", ""},
		{"/trained", "x", "acme", "v1.2.3/2acme"},
	} {
		_, _, h := send(t, srv, "POST", "/internal"+c.path, `{"text":"`+c.text+`"}`, api.HeaderTenantID, c.tenant)
		if got := h.Get(api.HeaderModelVersion); got != c.want {
			t.Errorf("%s %s of %s: %q, want %q", c.path, c.text, c.tenant, got, c.want)
		}
	}
	for path, want := range map[string]string{"pure": "v1.2.3", "trained": "v1.2.3/2acme"} {
		if status, body, _ := send(t, srv, "GET", "/internal/version/"+path, ""); status != 200 || body["model_version"] != want {
			t.Errorf("%s: %d %v", path, status, body)
		}
	}
	if status, _, _ := send(t, srv, "GET", "/internal/version/nothing", ""); status != 404 {
		t.Errorf("an unknown service: %d", status)
	}
	if status, body, _ := send(t, srv, "GET", "/internal/version/trained", "", api.HeaderTenantID, "broken"); status != 500 || strings.Contains(body["message"].(string), "secret") {
		t.Errorf("%d %v", status, body)
	}
}

// Builds without a version of their own are told apart by their start.
func TestDevelopmentBuildsDiffer(t *testing.T) {
	t.Parallel()
	seen := map[any]bool{}
	for i := range 2 {
		s, srv := newShell(t, worker.Options{
			Version: "devel", Now: func() time.Time { return time.Unix(int64(i), 0) },
			Services: []service.Service{&echo{name: "pure", routes: echoRoutes("")}},
		})
		s.Start(t.Context())
		s.Wait()
		_, body, _ := send(t, srv, "GET", "/internal/version/pure", "")
		seen[body["model_version"]] = true
	}
	if len(seen) != 2 {
		t.Errorf("%v", seen)
	}
}
