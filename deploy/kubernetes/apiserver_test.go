package kubernetes

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/omni-run/omni/deploy/schema"
)

// resources are the paths of the kinds we send.
var resources = map[string]string{
	"Namespace": "namespaces", "ServiceAccount": "serviceaccounts", "Service": "services", "ConfigMap": "configmaps", "StatefulSet": "statefulsets",
	"Deployment": "deployments", "PodDisruptionBudget": "poddisruptionbudgets", "HorizontalPodAutoscaler": "horizontalpodautoscalers",
	"NetworkPolicy": "networkpolicies", "Gateway": "gateways", "HTTPRoute": "httproutes", "ScaledObject": "scaledobjects", "PodMonitoring": "podmonitorings",
}

// TestRealAPIServer applies every overlay to a real API server: its defaults,
// its validation, its Pod Security admission. `make test-apiserver` builds one.
func TestRealAPIServer(t *testing.T) {
	program := os.Getenv("KUBE_APISERVER")
	if program == "" {
		t.Skip("no KUBE_APISERVER: make test-apiserver builds and names one")
	}
	etcd, err := exec.LookPath("etcd")
	if err != nil {
		t.Skip("no etcd here (apt-get install etcd-server)")
	}
	s := startAPIServer(t, program, etcd)
	s.install(t)
	for _, name := range Overlays {
		all, err := Build(filepath.Join("overlays", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range all {
			if o.Kind == "ServiceMonitor" { // its definition is in no Go module; the types are checked elsewhere
				continue
			}
			s.apply(t, name, o)
		}
		for _, p := range workloads(t, all) {
			s.admit(t, name, p)
		}
	}
	s.refuses(t)
}

type apiServer struct {
	base   string
	client *http.Client
}

// startAPIServer runs etcd and the API server on free ports until the test ends.
func startAPIServer(t *testing.T, program, etcd string) *apiServer {
	t.Helper()
	dir := t.TempDir()
	store, peer, port := freeAddress(t), freeAddress(t), freeAddress(t)
	run(t, etcd, "--data-dir", filepath.Join(dir, "etcd"), "--listen-client-urls", "http://"+store, "--advertise-client-urls", "http://"+store,
		"--listen-peer-urls", "http://"+peer, "--initial-advertise-peer-urls", "http://"+peer, "--initial-cluster", "default=http://"+peer)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "sa.key")
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	tokens := filepath.Join(dir, "tokens.csv")
	for name, content := range map[string][]byte{file: pem.EncodeToMemory(block), tokens: []byte("test-token,admin,admin,system:masters\n")} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, number, _ := net.SplitHostPort(port)
	certs := filepath.Join(dir, "certs")
	run(t, program, "--etcd-servers=http://"+store, "--bind-address=127.0.0.1", "--secure-port="+number, "--cert-dir="+certs, "--token-auth-file="+tokens,
		"--authorization-mode=RBAC", "--service-account-issuer=https://test", "--service-account-key-file="+file, "--service-account-signing-key-file="+file,
		"--service-cluster-ip-range=10.0.0.0/24", "--disable-admission-plugins=ServiceAccount", // no controller makes the default account here
		"--watch-cache=false") // it needs what etcd has since 3.5; distributions still have 3.4
	s := &apiServer{base: "https://" + port}
	last := "no certificate yet"
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the API server is not ready: %s", last)
		}
		if s.client == nil {
			s.client = clientFor(filepath.Join(certs, "apiserver.crt"))
			continue
		}
		status, _, answer := s.call(t.Context(), http.MethodGet, "/readyz", "", nil)
		if status == http.StatusOK {
			return s
		}
		last = answer
	}
}

// clientFor trusts the certificate the server made for itself; nil until it has.
func clientFor(certificate string) *http.Client {
	raw, err := os.ReadFile(certificate)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(raw) {
		return nil
	}
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func run(t *testing.T, program string, args ...string) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Dir = t.TempDir()
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		_ = cmd.Wait()
		if t.Failed() {
			s := out.String()
			t.Logf("%s:\n%s", filepath.Base(program), s[max(0, len(s)-3000):])
		}
	})
}

func (s *apiServer) call(ctx context.Context, method, path, contentType string, body []byte) (status int, warnings []string, answer string) {
	req, err := http.NewRequestWithContext(ctx, method, s.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err.Error()
	}
	req.Header.Set("Authorization", "Bearer test-token")
	req.Header.Set("Content-Type", contentType)
	res, err := s.client.Do(req)
	if err != nil {
		return 0, nil, err.Error()
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil, err.Error()
	}
	return res.StatusCode, res.Header.Values("Warning"), string(raw)
}

const applyPatch = "application/apply-patch+yaml"

func (s *apiServer) path(apiVersion, kind, namespace, name string) string {
	root := "/apis/" + apiVersion
	if !strings.Contains(apiVersion, "/") {
		root = "/api/" + apiVersion
	}
	if kind != "Namespace" {
		root += "/namespaces/" + namespace
	}
	return root + "/" + resources[kind] + "/" + name
}

func (s *apiServer) apply(t *testing.T, overlay string, o Object) {
	t.Helper()
	status, warnings, answer := s.call(t.Context(), http.MethodPatch,
		s.path(o.APIVersion, o.Kind, o.Namespace, o.Name)+"?fieldManager=test&force=true&fieldValidation=Strict", applyPatch, o.JSON)
	if status != http.StatusOK && status != http.StatusCreated {
		t.Errorf("%s: %s %s: %d %s", overlay, o.Kind, o.Name, status, answer)
	}
	for _, w := range warnings {
		t.Errorf("%s: %s %s: %s", overlay, o.Kind, o.Name, w)
	}
}

// admit asks whether the pods themselves would be let in.
func (s *apiServer) admit(t *testing.T, overlay string, p pods) {
	t.Helper()
	pod := corev1.Pod{Spec: p.spec}
	pod.APIVersion, pod.Kind, pod.Name, pod.Labels = "v1", "Pod", p.name+"-x", p.labels
	raw, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	if status, warnings, answer := s.call(t.Context(), http.MethodPost, "/api/v1/namespaces/omni/pods?dryRun=All&fieldValidation=Strict", "application/json", raw); status != http.StatusCreated || len(warnings) > 0 {
		t.Errorf("%s: a pod of %s: %d %v %s", overlay, p.name, status, warnings, answer)
	}
}

// refuses makes sure that the server above could have said no.
func (s *apiServer) refuses(t *testing.T) {
	t.Helper()
	for name, pod := range map[string]string{
		"a root user":      `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"},"spec":{"containers":[{"name":"c","image":"i:1"}]}}`,
		"an unknown field": `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"},"spec":{"containrs":[]}}`,
	} {
		if status, _, answer := s.call(t.Context(), http.MethodPost, "/api/v1/namespaces/omni/pods?dryRun=All&fieldValidation=Strict", "application/json", []byte(pod)); status < 400 || status >= 500 {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
}

// install defines the kinds that are not Kubernetes' own.
func (s *apiServer) install(t *testing.T) {
	t.Helper()
	for _, k := range []struct{ group, version, kind, schema string }{
		{"keda.sh", "v1alpha1", "ScaledObject", schema.ScaledObject},
		{"monitoring.googleapis.com", "v1", "PodMonitoring", schema.PodMonitoring},
	} {
		set, err := schema.Published(k.schema)
		if err != nil {
			t.Fatal(err)
		}
		s.define(t, map[string]any{
			"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": resources[k.kind] + "." + k.group},
			"spec": map[string]any{
				"group": k.group, "scope": "Namespaced", "names": map[string]any{"kind": k.kind, "plural": resources[k.kind]},
				"versions": []any{map[string]any{"name": k.version, "served": true, "storage": true, "schema": map[string]any{"openAPIV3Schema": set.Schemas[k.kind]}}},
			},
		})
	}
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"gateways", "httproutes"} {
		raw, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "config", "crd", "standard", "gateway.networking.k8s.io_"+kind+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var definition map[string]any
		if err := yaml.Unmarshal(raw, &definition); err != nil {
			t.Fatal(err)
		}
		s.define(t, definition)
	}
}

// define sends a definition and waits until its kind is served.
func (s *apiServer) define(t *testing.T, definition map[string]any) {
	t.Helper()
	delete(definition, "status")
	raw, err := json.Marshal(definition)
	if err != nil {
		t.Fatal(err)
	}
	name := definition["metadata"].(map[string]any)["name"].(string)
	path := "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/" + name
	if status, _, answer := s.call(t.Context(), http.MethodPatch, path+"?fieldManager=test", applyPatch, raw); status != http.StatusOK && status != http.StatusCreated {
		t.Fatalf("defining %s: %d %s", name, status, answer)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		_, _, answer := s.call(t.Context(), http.MethodGet, path, "", nil)
		if strings.Contains(answer, `"InitialNamesAccepted"`) {
			return
		}
		if time.Now().After(end) {
			t.Fatal(fmt.Errorf("%s is not established: %s", name, answer))
		}
	}
}
