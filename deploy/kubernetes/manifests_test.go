package kubernetes

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// TestOverlaysAreListed: a folder that no test builds would rot.
func TestOverlaysAreListed(t *testing.T) {
	t.Parallel()
	folders, err := os.ReadDir("overlays")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if !slices.Contains(Overlays, f.Name()) {
			t.Errorf("overlays/%s is not in Overlays", f.Name())
		}
	}
}

// TestDecodingIsStrict: the check that all others stand on can fail.
func TestDecodingIsStrict(t *testing.T) {
	t.Parallel()
	d, err := newDecoder()
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Object{
		"typed":     {APIVersion: "v1", Kind: "Service", JSON: []byte(`{"apiVersion":"v1","kind":"Service","spec":{"selectors":{"a":"b"}}}`)},
		"described": {APIVersion: "keda.sh/v1alpha1", Kind: "ScaledObject", JSON: []byte(`{"spec":{"scaleTargetRef":{"name":"x"},"minReplicas":0,"triggers":[]}}`)},
		"kind":      {APIVersion: "v1", Kind: "Servise", JSON: []byte(`{"apiVersion":"v1","kind":"Servise"}`)},
	} {
		if _, err := decode(d, o); err == nil {
			t.Errorf("%s: a field or kind that does not exist was let through", name)
		}
	}
}

// TestRestricted holds every pod against the "restricted" Pod Security
// Standard, by the code that the API server itself uses.
func TestRestricted(t *testing.T) {
	t.Parallel()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	buildAll(t, func(t *testing.T, b *built) {
		for _, p := range b.workloads {
			for _, r := range evaluator.EvaluatePod(level, &metav1.ObjectMeta{Labels: p.labels}, &p.spec) {
				if !r.Allowed {
					t.Errorf("%s: %s: %s", p.name, r.ForbiddenReason, r.ForbiddenDetail)
				}
			}
			if p.spec.AutomountServiceAccountToken == nil || *p.spec.AutomountServiceAccountToken {
				t.Errorf("%s: is given a token for an API it never calls", p.name)
			}
			for _, c := range p.spec.Containers {
				if c.SecurityContext == nil || c.SecurityContext.ReadOnlyRootFilesystem == nil || !*c.SecurityContext.ReadOnlyRootFilesystem {
					t.Errorf("%s: its root file system can be written", p.name)
				}
				if c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() || c.Resources.Limits.Memory().IsZero() {
					t.Errorf("%s: its resources are not stated", p.name)
				}
			}
		}
	})
}

func TestImages(t *testing.T) {
	t.Parallel()
	exact := regexp.MustCompile(`(:v?[0-9][\w.-]*|@sha256:[0-9a-f]{64})$`)
	buildAll(t, func(t *testing.T, b *built) {
		for _, p := range b.workloads {
			for _, c := range p.spec.Containers {
				if strings.HasPrefix(c.Image, "omni/") || !exact.MatchString(c.Image) {
					t.Errorf("%s: image %q; want one of a registry, with an exact tag or digest", p.name, c.Image)
				}
			}
		}
	})
}

func TestSelectorsMatch(t *testing.T) {
	t.Parallel()
	buildAll(t, func(t *testing.T, b *built) {
		for _, p := range b.workloads {
			if !p.selector.Matches(labels.Set(p.labels)) {
				t.Errorf("%s does not select its own pods", p.name)
			}
			for _, c := range p.spec.TopologySpreadConstraints {
				if !labels.SelectorFromSet(c.LabelSelector.MatchLabels).Matches(labels.Set(p.labels)) {
					t.Errorf("%s spreads other pods than its own", p.name)
				}
			}
			if p.service != "" && !slices.ContainsFunc(of[corev1.Service](b.all), func(s *corev1.Service) bool {
				return s.Name == p.service && s.Spec.ClusterIP == corev1.ClusterIPNone
			}) {
				t.Errorf("%s: its headless service %q is not there", p.name, p.service)
			}
		}
		for _, s := range of[corev1.Service](b.all) {
			chosen := b.selected(s.Spec.Selector)
			if len(chosen) != 1 {
				t.Errorf("service %s selects %d workloads, want one", s.Name, len(chosen))
			}
			for _, p := range s.Spec.Ports {
				if len(chosen) > 0 && chosen[0].port(p.TargetPort.StrVal) == 0 {
					t.Errorf("service %s: its pods have no port %q", s.Name, p.TargetPort.StrVal)
				}
			}
		}
		for _, d := range of[policyv1.PodDisruptionBudget](b.all) {
			chosen := b.selected(d.Spec.Selector.MatchLabels)
			if len(chosen) != 1 {
				t.Fatalf("budget %s selects %d workloads, want one", d.Name, len(chosen))
			}
			if d.Spec.MinAvailable != nil && chosen[0].replicas >= 0 && d.Spec.MinAvailable.IntVal >= chosen[0].replicas {
				t.Errorf("budget %s lets no pod go: nodes could not be upgraded", d.Name)
			}
		}
		for _, m := range of[monitoring.ServiceMonitor](b.all) {
			b.checkMonitor(t, m.Name, m.Spec.Selector.MatchLabels, m.Spec.Endpoints[0].Port)
		}
		for _, m := range b.loose(t, "PodMonitoring") {
			spec := m["spec"].(map[string]any)
			chosen := spec["selector"].(map[string]any)["matchLabels"].(map[string]any)
			set := map[string]string{}
			for k, v := range chosen {
				set[k] = v.(string)
			}
			b.checkMonitor(t, "PodMonitoring", set, spec["endpoints"].([]any)[0].(map[string]any)["port"].(string))
		}
	})
}

func (b *built) checkMonitor(t *testing.T, name string, set map[string]string, port string) {
	t.Helper()
	chosen := b.selected(set)
	if len(chosen) != 1 || chosen[0].port(port) == 0 {
		t.Errorf("%s: scrapes %v at %q, which is %d workloads", name, set, port, len(chosen))
	}
}

// known are the secrets that the operator makes (docs/deploy.md), with their keys.
var known = map[string][]string{"omni-secrets": {"master-key", "worker-token"}, "omni-keys": {"keys.json"}, "omni-postgres": {"url"}, "omni-tls": nil}

func TestReferencesExist(t *testing.T) {
	t.Parallel()
	buildAll(t, func(t *testing.T, b *built) {
		for _, p := range b.workloads {
			for _, v := range p.spec.Volumes {
				if v.ConfigMap != nil && !slices.ContainsFunc(of[corev1.ConfigMap](b.all), func(c *corev1.ConfigMap) bool { return c.Name == v.ConfigMap.Name }) {
					t.Errorf("%s: the ConfigMap %s is not there", p.name, v.ConfigMap.Name)
				}
				if v.Secret != nil && known[v.Secret.SecretName] == nil {
					t.Errorf("%s: nobody makes the Secret %s", p.name, v.Secret.SecretName)
				}
			}
			if n := p.spec.ServiceAccountName; n != "" && !slices.ContainsFunc(of[corev1.ServiceAccount](b.all), func(a *corev1.ServiceAccount) bool { return a.Name == n }) {
				t.Errorf("%s: the account %s is not there", p.name, n)
			}
			for _, c := range p.spec.Containers {
				for _, e := range c.Env {
					if e.ValueFrom != nil && !slices.Contains(known[e.ValueFrom.SecretKeyRef.Name], e.ValueFrom.SecretKeyRef.Key) {
						t.Errorf("%s: nobody makes %s of the Secret %s", p.name, e.ValueFrom.SecretKeyRef.Key, e.ValueFrom.SecretKeyRef.Name)
					}
				}
				for _, m := range c.VolumeMounts {
					if !slices.ContainsFunc(p.spec.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name }) {
						t.Errorf("%s: mounts %s, which is no volume of it", p.name, m.Name)
					}
				}
				p.checkProbes(t, c)
			}
		}
	})
}

func (p pods) checkProbes(t *testing.T, c corev1.Container) {
	t.Helper()
	for name, probe := range map[string]*corev1.Probe{"startup": c.StartupProbe, "liveness": c.LivenessProbe, "readiness": c.ReadinessProbe} {
		if probe == nil {
			t.Errorf("%s: has no %s probe", p.name, name)
			continue
		}
		port := intstr.IntOrString{}
		if probe.HTTPGet != nil {
			port = probe.HTTPGet.Port
		} else if probe.TCPSocket != nil {
			port = probe.TCPSocket.Port
		}
		if p.port(port.StrVal) == 0 {
			t.Errorf("%s: the %s probe asks port %q, which it does not have", p.name, name, port.StrVal)
		}
		if probe.InitialDelaySeconds != 0 {
			t.Errorf("%s: the %s probe guesses a delay; a startup probe has a budget instead", p.name, name)
		}
	}
}

// TestGraceIsEnough: preStop and the drain (limits.drain_timeout, 9 s; a
// worker's 8 s) fit, and so does a Spot node's notice.
func TestGraceIsEnough(t *testing.T) {
	t.Parallel()
	buildAll(t, func(t *testing.T, b *built) {
		for _, p := range b.workloads {
			if !strings.HasPrefix(p.name, "omni-") || p.name == "omni-redis" {
				continue
			}
			pause := int64(0)
			if l := p.spec.Containers[0].Lifecycle; l != nil {
				pause = l.PreStop.Sleep.Seconds
			}
			if grace := *p.spec.TerminationGracePeriodSeconds; grace < pause+9+1 || grace > 25 {
				t.Errorf("%s: grace of %d s; want between %d and 25", p.name, grace, pause+10)
			}
		}
	})
}

func TestScaling(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile(filepath.Join("..", "..", "internal", "pool", "metrics.go"))
	if err != nil {
		t.Fatal(err)
	}
	metric := regexp.MustCompile(`omni_gateway_[a-z_]+`)
	buildAll(t, func(t *testing.T, b *built) {
		scalers := map[string]int{}
		check := func(target string, most int32) {
			scalers[target]++
			p := b.workload(target)
			if p == nil || p.replicas >= 0 {
				t.Errorf("an autoscaler drives %s, which is not there or has a fixed number", target)
			}
			if named := b.namedWorkers(t, target); most > named {
				t.Errorf("%s may grow to %d, but the configuration names %d", target, most, named)
			}
		}
		for _, h := range of[autoscalingv2.HorizontalPodAutoscaler](b.all) {
			check(h.Spec.ScaleTargetRef.Name, h.Spec.MaxReplicas)
		}
		for _, s := range b.loose(t, "ScaledObject") {
			spec := s["spec"].(map[string]any)
			check(spec["scaleTargetRef"].(map[string]any)["name"].(string), int32(spec["maxReplicaCount"].(float64)))
		}
		for target, n := range scalers {
			if n != 1 {
				t.Errorf("%d autoscalers fight over %s", n, target)
			}
		}
		for _, o := range b.all {
			for _, name := range metric.FindAllString(string(o.JSON), -1) {
				if name = strings.TrimSuffix(name, "_bucket"); !strings.Contains(string(source), `"`+name+`"`) {
					t.Errorf("%s %s asks for the metric %s, which the gateway does not have", o.Kind, o.Name, name)
				}
			}
		}
	})
}

// TestWorkersAreReachedByTheGatewayAlone reads the policies as a cluster does:
// denied unless a policy that selects the pod allows it.
func TestWorkersAreReachedByTheGatewayAlone(t *testing.T) {
	t.Parallel()
	buildAll(t, func(t *testing.T, b *built) {
		denied := false
		for _, n := range of[networkingv1.NetworkPolicy](b.all) {
			s := labels.SelectorFromSet(n.Spec.PodSelector.MatchLabels)
			everybody := len(n.Spec.PodSelector.MatchLabels) == 0
			if everybody && len(n.Spec.Ingress) == 0 && len(n.Spec.PolicyTypes) == 2 {
				denied = true
			}
			hits := false
			for _, p := range b.workloads {
				if !s.Matches(labels.Set(p.labels)) {
					continue
				}
				hits = true
				for _, in := range n.Spec.Ingress {
					for _, port := range in.Ports {
						if p.port(port.Port.StrVal) == 0 {
							t.Errorf("policy %s opens port %q, which %s does not have", n.Name, port.Port.StrVal, p.name)
						}
					}
					if p.labels["omni.run/role"] != "worker" {
						continue
					}
					if len(in.From) == 0 {
						t.Errorf("policy %s lets anybody reach %s", n.Name, p.name)
					}
					for _, from := range in.From {
						gateway := from.PodSelector != nil && from.PodSelector.MatchLabels["app.kubernetes.io/name"] == "omni-gateway"
						outside := from.IPBlock != nil && n.Name == "omni-worker-internal"
						if !gateway && !outside {
							t.Errorf("policy %s lets others than the gateway reach %s", n.Name, p.name)
						}
					}
				}
			}
			if !hits {
				t.Errorf("policy %s selects nothing", n.Name)
			}
		}
		if !denied {
			t.Error("nothing is denied by default")
		}
	})
}
