// Package cloudrun checks the files for Google Cloud Run. Nothing here talks
// to Google: the service files are held against the published API, the
// configuration against the gateway, the script is run dry.
package cloudrun

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/omni-run/omni/deploy/schema"
	"github.com/omni-run/omni/internal/config"
)

// rendered is a file as deploy.sh would send it.
func rendered(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	image := "europe-west1-docker.pkg.dev/p-1/omni/x@sha256:" + strings.Repeat("0", 64)
	return []byte(strings.NewReplacer("@PROJECT@", "p-1", "@REGION@", "europe-west1", "@GATEWAY_IMAGE@", image, "@WORKER_IMAGE@", image,
		"@WORKER_URL@", "https://omni-worker.example.run.app", "@NETWORK@", "default", "@SUBNET@", "default").Replace(string(raw)))
}

func check(t *testing.T, set string, raw []byte) {
	t.Helper()
	s, err := schema.Published(set)
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := yaml.UnmarshalStrict(raw, &document); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(document); err != nil {
		t.Error(err)
	}
}

// service is what the checks below look at.
type service struct {
	Metadata struct{ Annotations map[string]string }
	Spec     struct {
		Template struct {
			Metadata struct{ Annotations map[string]string }
			Spec     struct {
				TimeoutSeconds       int
				ContainerConcurrency int
				ServiceAccountName   string
				Containers           []struct {
					Image string
					Args  []string
					Ports []struct {
						Name          string
						ContainerPort int
					}
					StartupProbe, LivenessProbe *probe
					VolumeMounts                []struct{ Name, MountPath string }
				}
				Volumes []volume
			}
		}
	}
}

type volume struct {
	Name   string
	Secret struct{ SecretName string }
}

type probe struct {
	HTTPGet                         struct{ Path string }
	PeriodSeconds, FailureThreshold int
	TimeoutSeconds                  int
	InitialDelaySeconds             int
}

func TestServices(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"worker.yaml", "gateway.yaml", "gateway-gke.yaml"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			raw := rendered(t, file)
			if left := regexp.MustCompile(`@[A-Z_]+@`).Find(raw); left != nil {
				t.Errorf("%s stays unfilled", left)
			}
			check(t, schema.CloudRunService, raw)
			var s service
			if err := yaml.Unmarshal(raw, &s); err != nil {
				t.Fatal(err)
			}
			spec := s.Spec.Template.Spec
			if s.Metadata.Annotations["run.googleapis.com/minScale"] != "0" {
				t.Error("it does not scale to zero")
			}
			if !strings.HasSuffix(spec.ServiceAccountName, "@p-1.iam.gserviceaccount.com") {
				t.Errorf("it runs as %q, not as an account of its own", spec.ServiceAccountName)
			}
			if spec.TimeoutSeconds > 3600 {
				t.Error("Cloud Run's longest time-out is an hour")
			}
			c := spec.Containers[0]
			up, live := c.StartupProbe, c.LivenessProbe
			if up.PeriodSeconds != 1 || up.FailureThreshold*up.PeriodSeconds > 240 || up.InitialDelaySeconds != 0 {
				t.Errorf("startup probe %+v: want one a second, 240 s in all at most", up)
			}
			if live.PeriodSeconds < 10 || strings.HasSuffix(up.HTTPGet.Path, "z") {
				t.Errorf("liveness probe %+v asks too often, or a path that Google's front end keeps for itself", live)
			}
			for _, m := range c.VolumeMounts {
				if !slices.ContainsFunc(spec.Volumes, func(v volume) bool { return v.Name == m.Name && v.Secret.SecretName != "" }) {
					t.Errorf("mounts %s, which is no volume", m.Name)
				}
			}
		})
	}
}

// TestWorkerStatesWhatAllInstancesTake: the gateway sees one worker, whatever
// number of instances answers.
func TestWorkerStatesWhatAllInstancesTake(t *testing.T) {
	t.Parallel()
	var s service
	if err := yaml.Unmarshal(rendered(t, "worker.yaml"), &s); err != nil {
		t.Fatal(err)
	}
	most, err := strconv.Atoi(s.Metadata.Annotations["run.googleapis.com/maxScale"])
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"-max-concurrency", strconv.Itoa(most * s.Spec.Template.Spec.ContainerConcurrency)}
	if got := s.Spec.Template.Spec.Containers[0].Args; !slices.Equal(got, want) {
		t.Errorf("args %v, want %v", got, want)
	}
}

// TestVariantsDifferInTheNetworkAlone keeps the two gateway files in step.
func TestVariantsDifferInTheNetworkAlone(t *testing.T) {
	t.Parallel()
	read := func(file string) map[string]any {
		var m map[string]any
		if err := yaml.Unmarshal(rendered(t, file), &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	a, b := read("gateway.yaml"), read("gateway-gke.yaml")
	annotations := b["spec"].(map[string]any)["template"].(map[string]any)["metadata"].(map[string]any)["annotations"].(map[string]any)
	for _, name := range []string{"run.googleapis.com/network-interfaces", "run.googleapis.com/vpc-access-egress"} {
		if annotations[name] == nil {
			t.Errorf("gateway-gke.yaml lacks %s", name)
		}
		delete(annotations, name)
	}
	if !reflect.DeepEqual(a, b) {
		t.Error("the two gateways differ in more than the way to the worker")
	}
}

func TestBuild(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("cloudbuild.yaml")
	if err != nil {
		t.Fatal(err)
	}
	check(t, schema.CloudBuild, raw)
	for _, image := range regexp.MustCompile(`(?m)^    name: (.+)$`).FindAllStringSubmatch(string(raw), -1) {
		if !regexp.MustCompile(`:[0-9]+\.[0-9]+`).MatchString(image[1]) {
			t.Errorf("the step image %s has no exact tag", image[1])
		}
	}
}

// TestConfigurations: the gateway accepts both, as it would on Cloud Run, and
// finds its files where the service mounts them.
func TestConfigurations(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"omni.yaml", "omni-gke.yaml"} {
		dir := t.TempDir()
		token := filepath.Join(dir, "token")
		if err := os.WriteFile(token, []byte("a-token-of-enough-length"), 0o600); err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(rendered(t, file)), "/secrets/worker/token", token)
		path := filepath.Join(dir, "omni.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		env := map[string]string{"K_SERVICE": "omni-gateway", "PORT": "8080", "MASTER_API_KEY": "a-master-key-of-enough-length"}
		c, err := config.Load(path, func(name string) string { return env[name] })
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if !strings.HasPrefix(c.DataDir, "/tmp/") || c.Keys.Path != "/secrets/keys/keys.json" || c.Workers[0].Token == "" {
			t.Errorf("%s: data in %s, keys in %s", file, c.DataDir, c.Keys.Path)
		}
	}
}

func dry(t *testing.T, args ...string) (string, error) {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash here")
	}
	cmd := exec.CommandContext(t.Context(), bash, append([]string{"deploy.sh"}, args...)...)
	// Nothing but the shell's own tools: a dry run may call no gcloud.
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	keys := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(keys, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	common := []string{"--dry-run", "--project", "acme-prod", "--version", "v1.2.3", "--keys", keys}
	out, err := dry(t, common...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"run services replace", "--role roles/run.invoker --member serviceAccount:omni-gateway@acme-prod.iam.gserviceaccount.com",
		"--role roles/run.invoker --member allUsers", "go run ./cmd/omni-images", "europe-west1-docker.pkg.dev/acme-prod/omni/worker:v1.2.3",
		"secrets create omni-master-key", "identity: google", "omni-worker@acme-prod.iam.gserviceaccount.com",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the dry run does not say %q", want)
		}
	}
	if strings.Contains(out, "roles/editor") || strings.Contains(out, "projects add-iam-policy-binding") {
		t.Error("an account is given rights over the whole project")
	}
	if i := strings.Index(out, "allUsers"); strings.Contains(out[:i], "omni-worker --region europe-west1 --role roles/run.invoker --member allUsers") {
		t.Error("everybody may call the worker")
	}
	out, err = dry(t, append(common, "--worker", "gke", "--worker-url", "http://worker.omni.internal:9090")...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.Contains(out, "worker.yaml") || !strings.Contains(out, "vpc-access-egress") || !strings.Contains(out, `url: "http://worker.omni.internal:9090"`) {
		t.Errorf("the gateway in front of GKE:\n%s", out)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"no project":         {"--dry-run"},
		"project of a shell": {"--dry-run", "--project", "a;rm -rf /"},
		"unknown option":     {"--dry-run", "--project", "acme-prod", "--force"},
		"no value":           {"--dry-run", "--project"},
		"no such keys":       {"--dry-run", "--project", "acme-prod", "--keys", "/nonexistent"},
		"cluster name":       {"--dry-run", "--project", "acme-prod", "--worker", "gke", "--worker-url", "http://omni-worker.omni.svc.cluster.local:9090"},
		"no url":             {"--dry-run", "--project", "acme-prod", "--worker", "gke"},
	} {
		out, err := dry(t, args...)
		if err == nil || !bytes.Contains([]byte(out), []byte("deploy.sh:")) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func TestShellcheck(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Skip("no shellcheck here")
	}
	if out, err := exec.CommandContext(t.Context(), tool, "deploy.sh").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
