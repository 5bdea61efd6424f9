// Package compose checks the Compose file by the library that Docker Compose
// itself reads it with.
package compose

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/omni-run/omni/internal/config"
)

var secrets = []string{"MASTER_API_KEY=0123456789abcdef0123", "OMNI_WORKER_TOKEN=fedcba9876543210"}

func load(t *testing.T, env []string, profiles ...string) (*types.Project, error) {
	t.Helper()
	o, err := cli.NewProjectOptions([]string{"compose.yaml"}, cli.WithEnv(env), cli.WithProfiles(profiles), cli.WithInterpolation(true), cli.WithConsistency(true))
	if err != nil {
		t.Fatal(err)
	}
	return o.LoadProject(t.Context())
}

func TestSecretsAreDemanded(t *testing.T) {
	t.Parallel()
	for i := range secrets {
		if _, err := load(t, secrets[i:i+1]); err == nil || !strings.Contains(err.Error(), ".env.example") {
			t.Errorf("with %s alone: %v", secrets[i], err)
		}
	}
	example, err := os.ReadFile(".env.example")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`(?m)^#?([A-Z_]+)=`).FindAllStringSubmatch(string(example), -1) {
		if !strings.Contains(string(file), "${"+name[1]) {
			t.Errorf(".env.example has %s, which nothing reads", name[1])
		}
	}
}

func TestServices(t *testing.T) {
	t.Parallel()
	p, err := load(t, append([]string{"OMNI_REDIS_URL=redis://redis:6379/0"}, secrets...), "shared")
	if err != nil {
		t.Fatal(err)
	}
	if names := p.ServiceNames(); !slices.Equal(names, []string{"gateway", "redis", "worker"}) {
		t.Errorf("services %v", names)
	}
	for name, s := range p.Services {
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.User == "" || strings.HasPrefix(s.User, "0") {
			t.Errorf("%s is not hardened", name)
		}
		if s.HealthCheck == nil || s.HealthCheck.Test[0] != "CMD" || s.MemLimit == 0 {
			t.Errorf("%s has no health check of its own or no memory limit", name)
		}
		if s.Build == nil && !regexp.MustCompile(`:\d+\.\d+\.\d+`).MatchString(s.Image) {
			t.Errorf("%s: image %s has no exact tag", name, s.Image)
		}
	}
	for _, half := range []string{"gateway", "worker"} {
		s := p.Services[half]
		if s.HealthCheck.Test[1] != "/omni-"+half || time.Duration(*s.StopGracePeriod) < 10*time.Second {
			t.Errorf("%s: health %v, grace %v", half, s.HealthCheck.Test, s.StopGracePeriod)
		}
		if _, err := os.Stat(filepath.Join(s.Build.Context, s.Build.Dockerfile)); err != nil {
			t.Error(err)
		}
	}
	worker := p.Services["worker"]
	if len(worker.Ports) > 0 || len(worker.Networks) != 1 || !p.Networks["back"].Internal {
		t.Error("the worker can be reached by others than the gateway, or reaches others")
	}
	for _, port := range p.Services["gateway"].Ports {
		if port.HostIP != "127.0.0.1" {
			t.Errorf("the gateway is open to the network at %s", port.HostIP)
		}
	}
}

// TestConfigurationLoads: the gateway accepts its file, and the worker it names
// is a service.
func TestConfigurationLoads(t *testing.T) {
	t.Parallel()
	p, err := load(t, secrets)
	if err != nil {
		t.Fatal(err)
	}
	env := p.Services["gateway"].Environment
	c, err := config.Load("omni.yaml", func(name string) string {
		if v := env[name]; v != nil {
			return *v
		}
		return ""
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.DataDir != "/data" || len(c.Workers) != 1 || c.Workers[0].URL != "http://worker:9090" || c.Workers[0].Token == "" {
		t.Errorf("%+v", c.Workers)
	}
	if _, there := p.Services["redis"]; there {
		t.Error("Redis starts without being asked for")
	}
}
