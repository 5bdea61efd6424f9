package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// Profiles are served on their own loopback address, and nowhere else.
func TestProfiles(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	g := startGateway(t, gatewaySetup{yaml: "debug_listen: " + address + "\n"})
	g.logged("profiles are served")
	res, err := client.Get("http://" + address + "/debug/pprof/goroutine?debug=1")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(body), "goroutine profile") {
		t.Errorf("%d %v %.100s", res.StatusCode, err, body)
	}
	g.want(404, "GET", "/debug/pprof/", masterKey, "")
	said := fails(t, binaries.gateway, []string{"-config", configFile(t, "debug_listen: 0.0.0.0:6060\n")}, []string{"OMNI_DATA_DIR=" + t.TempDir()})
	if !strings.Contains(said, "debug_listen") {
		t.Errorf("an address beyond loopback: %s", said)
	}
}
