package nativeworker_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/nativeworker"
)

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		fault  string // empty: healthy
	}{
		"ready":      {200, `{"status":"ok","services_ready":true}`, ""},
		"loading":    {200, `{"status":"initializing","services_ready":false}`, "initializing"},
		"draining":   {503, `{"status":"draining","services_ready":true}`, "draining"},
		"a stranger": {200, `<html>`, "without a health"},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/internal/health" {
				t.Errorf("%s: asks %s", name, r.URL.Path)
			}
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		}))
		_, port, _ := strings.Cut(strings.TrimPrefix(srv.URL, "http://"), ":")
		err := nativeworker.Healthcheck(t.Context(), ":"+port)
		srv.Close()
		if (err == nil) != (c.fault == "") || (err != nil && !strings.Contains(err.Error(), c.fault)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := nativeworker.Healthcheck(t.Context(), "nonsense"); err == nil {
		t.Error("an address without a port is taken")
	}
}
