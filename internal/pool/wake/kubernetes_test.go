//go:build unix

package wake_test

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/pool"
	"github.com/omni-run/omni/internal/pool/wake"
)

// cluster is an API server as far as the scale sub-resource goes: paths,
// verbs, media types, resource versions and Status answers are the real ones.
type cluster struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	token    string
	replicas int
	version  int
	// fail answers instead, when it returns true.
	fail    func(w http.ResponseWriter, r *http.Request) bool
	patches int
}

const scalePath = "/apis/apps/v1/namespaces/prod/deployments/heavy/scale"

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, token: "token-1", version: 41}
	c.Server = httptest.NewTLSServer(c)
	t.Cleanup(c.Close)
	return c
}

// status answers as Kubernetes refuses.
func status(w http.ResponseWriter, code int, reason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"kind": "Status", "apiVersion": "v1", "metadata": map[string]any{}, "status": "Failure", "message": message, "reason": reason, "code": code,
	})
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil && c.fail(w, r) {
		return
	}
	switch {
	case r.Header.Get("Authorization") != "Bearer "+c.token:
		status(w, 401, "Unauthorized", "Unauthorized")
	case r.URL.Path != scalePath:
		status(w, 404, "NotFound", `deployments.apps "other" not found`)
	case r.Method == http.MethodGet:
		c.write(w)
	case r.Method == http.MethodPatch:
		c.patch(w, r)
	default:
		status(w, 405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
	}
}

func (c *cluster) patch(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Type") != "application/merge-patch+json" {
		status(w, 415, "UnsupportedMediaType", "the body of the request was in an unknown format")
		return
	}
	raw, _ := io.ReadAll(r.Body)
	var p struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
		Spec struct {
			Replicas *int `json:"replicas"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		status(w, 400, "BadRequest", err.Error())
		return
	}
	if v := p.Metadata.ResourceVersion; v != "" && v != strconv.Itoa(c.version) {
		status(w, 409, "Conflict", `Operation cannot be fulfilled on deployments.apps "heavy": the object has been modified; please apply your changes to the latest version and try again`)
		return
	}
	if p.Spec.Replicas != nil {
		c.replicas = *p.Spec.Replicas
	}
	c.version++
	c.patches++
	c.write(w)
}

// write leaves zero replicas out of the spec, as Kubernetes does.
func (c *cluster) write(w http.ResponseWriter) {
	spec := map[string]any{}
	if c.replicas > 0 {
		spec["replicas"] = c.replicas
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"kind": "Scale", "apiVersion": "autoscaling/v1",
		"metadata": map[string]any{"name": "heavy", "namespace": "prod", "uid": "2e0e7b0a", "resourceVersion": strconv.Itoa(c.version)},
		"spec":     spec, "status": map[string]any{"replicas": c.replicas, "selector": "app=heavy"},
	})
}

func (c *cluster) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

func (c *cluster) at(replicas int) func() bool {
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.replicas == replicas
	}
}

// keeper is a keeper for the cluster, with the files that a pod finds.
func (c *cluster) keeper() (*wake.Kubernetes, string, *buffer) {
	c.t.Helper()
	dir := c.t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			c.t.Fatal(err)
		}
		return path
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate().Raw})
	log, text := logger()
	token := file("token", "token-1\n")
	return &wake.Kubernetes{
		Name: "heavy", Server: c.URL, Namespace: "prod", Resource: "deployments", Object: "heavy", Replicas: 2,
		TokenFile: token, CAFile: file("ca.crt", string(ca)), Backoff: 2 * time.Millisecond, Log: log,
	}, token, text
}

func TestKubernetesScalesUpAndBack(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	k, _, _ := c.keeper()
	for range 2 {
		stop, ended, _ := kept(t, k)
		eventually(t, "two replicas", c.at(2))
		stop(pool.ErrIdle)
		if err := result(t, ended); err != nil {
			t.Fatal(err)
		}
		if !c.at(0)() {
			t.Fatal("an idle worker was left running")
		}
	}
}

// A gateway that stops leaves running what others may use.
func TestKubernetesLeavesRunningAtTheEnd(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	k, _, _ := c.keeper()
	stop, ended, _ := kept(t, k)
	eventually(t, "two replicas", c.at(2))
	stop(nil)
	if err := result(t, ended); err != nil || !c.at(2)() {
		t.Fatalf("%v, %d replicas", err, c.replicas)
	}
}

// What somebody else has scaled further up stays; what somebody else has
// scaled to zero is scaled up again when it is needed.
func TestKubernetesAndOthers(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.replicas = 5
	k, _, _ := c.keeper()
	stop, ended, needed := kept(t, k)
	needed <- struct{}{}
	needed <- struct{}{} // taken once the first look is over
	if !c.at(5)() {
		t.Errorf("%d replicas", c.replicas)
	}
	c.set(func() { c.replicas, c.version = 0, c.version+1 })
	needed <- struct{}{}
	eventually(t, "two replicas", c.at(2))
	stop(nil)
	if err := result(t, ended); err != nil {
		t.Fatal(err)
	}
}

func TestKubernetesTriesAgain(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	k, token, text := c.keeper()
	c.token = "token-2" // the cluster has renewed it, the file follows in a moment
	step := 0
	c.fail = func(w http.ResponseWriter, r *http.Request) bool {
		step++
		switch step {
		case 1: // 401 by the token
			if err := os.WriteFile(token, []byte("token-2"), 0o600); err != nil {
				t.Error(err)
			}
		case 2:
			status(w, 500, "InternalError", "etcdserver: leader changed")
			return true
		case 3:
			panic(http.ErrAbortHandler)
		case 4:
			w.Header().Set("Retry-After", "0")
			status(w, 429, "TooManyRequests", "too many requests, please try again later")
			return true
		case 6: // between the look and the change somebody else comes first, once
			c.version++
		}
		return false
	}
	stop, ended, _ := kept(t, k)
	eventually(t, "two replicas", c.at(2))
	stop(nil)
	if err := result(t, ended); err != nil {
		t.Fatal(err)
	}
	if c.patches != 1 || !strings.Contains(text.String(), "409") || !strings.Contains(text.String(), "leader changed") {
		t.Errorf("%d patches\n%s", c.patches, text)
	}
}

func TestKubernetesExplainsARefusal(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	k, _, _ := c.keeper()
	c.fail = func(w http.ResponseWriter, _ *http.Request) bool {
		status(w, 403, "Forbidden", `deployments.apps "heavy" is forbidden: User "system:serviceaccount:prod:default" cannot get resource "deployments/scale"`)
		return true
	}
	_, ended, _ := kept(t, k)
	if err := result(t, ended); err == nil || !strings.Contains(err.Error(), "verbs get and patch on deployments/scale") || !strings.Contains(err.Error(), "system:serviceaccount:prod:default") {
		t.Errorf("got %v", err)
	}
	c.set(func() { c.fail = nil })
	k.Object = "other"
	_, ended, _ = kept(t, k)
	if err := result(t, ended); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("got %v", err)
	}
	k.CAFile = filepath.Join(t.TempDir(), "none")
	_, ended, _ = kept(t, k)
	if err := result(t, ended); err == nil || !strings.Contains(err.Error(), "certificate authority") {
		t.Errorf("got %v", err)
	}
}

func TestInCluster(t *testing.T) {
	t.Parallel()
	env := map[string]string{"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
	k := &wake.Kubernetes{Namespace: "prod"}
	if err := k.InCluster(func(n string) string { return env[n] }); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(k.Server, " ", k.TokenFile, " ", k.CAFile)
	if got != "https://[fd00::1]:443 /var/run/secrets/kubernetes.io/serviceaccount/token /var/run/secrets/kubernetes.io/serviceaccount/ca.crt" {
		t.Error(got)
	}
	if err := new(wake.Kubernetes).InCluster(func(string) string { return "" }); err == nil || !strings.Contains(err.Error(), "KUBERNETES_SERVICE_HOST") {
		t.Errorf("got %v", err)
	}
}
