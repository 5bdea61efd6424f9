package kubernetes

import (
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/omni-run/omni/internal/config"
)

// environment is what the gateway's container would see.
func (b *built) environment() map[string]string {
	env := map[string]string{"KUBERNETES_SERVICE_HOST": "10.0.0.1", "PORT": "8080", "OMNI_DATA_DIR": "/data"}
	for _, c := range b.workload("omni-gateway").spec.Containers {
		for _, e := range c.Env {
			env[e.Name] = e.Value
			switch from := e.ValueFrom; {
			case from != nil && from.SecretKeyRef.Name == "omni-postgres":
				env[e.Name] = "postgres://omni:secret@10.20.0.3:5432/omni?sslmode=verify-full"
			case from != nil:
				env[e.Name] = "a-secret-of-enough-length"
			}
		}
	}
	return env
}

func (b *built) config(t *testing.T) config.Config {
	t.Helper()
	for _, m := range of[corev1.ConfigMap](b.all) {
		raw, there := m.Data["omni.yaml"]
		if !there {
			continue
		}
		file := filepath.Join(t.TempDir(), "omni.yaml")
		if err := os.WriteFile(file, []byte(raw), 0o600); err != nil {
			t.Fatal(err)
		}
		env := b.environment()
		c, err := config.Load(file, func(name string) string { return env[name] })
		if err != nil {
			t.Fatalf("the gateway would refuse its configuration: %v", err)
		}
		return c
	}
	t.Fatal("no configuration is there")
	return config.Config{}
}

// TestConfigurationLoads: the gateway accepts what it is given, and everything
// it names exists: volumes under its paths, a pod behind each worker's name.
func TestConfigurationLoads(t *testing.T) {
	t.Parallel()
	buildAll(t, func(t *testing.T, b *built) {
		gateway := b.workload("omni-gateway")
		if gateway == nil {
			if len(of[corev1.ConfigMap](b.all)) > 0 && b.workload("omni-worker") == nil {
				t.Error("neither half is here")
			}
			return
		}
		c := b.config(t)
		if !gateway.mounted(c.DataDir) || (c.Keys.Store == "file") != gateway.mounted(c.Keys.Path) {
			t.Errorf("data_dir %s or keys.path %s is on no volume", c.DataDir, c.Keys.Path)
		}
		if int32(c.LimitStore.Gateways) != gateway.replicas {
			t.Errorf("limit_store.gateways = %d, but %d run", c.LimitStore.Gateways, gateway.replicas)
		}
		for _, w := range c.Workers {
			if problem := b.reaches(w.URL); problem != "" {
				t.Errorf("worker %s at %s: %s", w.Name, w.URL, problem)
			}
			if w.Token == "" {
				t.Errorf("worker %s is called without a token", w.Name)
			}
		}
	})
}

func (p pods) mounted(path string) bool {
	for _, m := range p.spec.Containers[0].VolumeMounts {
		if path == m.MountPath || strings.HasPrefix(path, m.MountPath+"/") {
			return true
		}
	}
	return false
}

// reaches says why a URL such as http://omni-worker-0.omni-worker:9090 would
// lead nowhere, or nothing.
func (b *built) reaches(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return err.Error()
	}
	pod, service, _ := strings.Cut(u.Hostname(), ".")
	i := strings.LastIndex(pod, "-")
	p := b.workload(pod[:max(i, 0)])
	switch {
	case p == nil:
		return "there is no such set of pods"
	case p.service != service:
		return "its pods are named by the service " + p.service
	case strconv.Itoa(int(p.port("internal"))) != u.Port():
		return "it listens on another port"
	}
	return ""
}

// namedWorkers counts how many pods of a set the configuration knows.
func (b *built) namedWorkers(t *testing.T, set string) (n int32) {
	t.Helper()
	for _, w := range b.config(t).Workers {
		if strings.Contains(w.URL, "."+set+":") {
			n++
		}
	}
	return n
}
