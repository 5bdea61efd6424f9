package kubernetes

import (
	"encoding/json"
	"path/filepath"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// pods is one workload's template, with what the tests ask about it.
type pods struct {
	name, kind, service string
	replicas            int32 // -1 when an autoscaler owns it
	labels              map[string]string
	selector            labels.Selector
	spec                corev1.PodSpec
}

// built is one overlay's objects, by kind.
type built struct {
	all       []Object
	workloads []pods
}

// buildAll builds every overlay once and runs f on each.
func buildAll(t *testing.T, f func(t *testing.T, b *built)) {
	t.Helper()
	for _, name := range Overlays {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all, err := Build(filepath.Join("overlays", name))
			if err != nil {
				t.Fatal(err)
			}
			f(t, &built{all: all, workloads: workloads(t, all)})
		})
	}
}

func workloads(t *testing.T, all []Object) []pods {
	t.Helper()
	var out []pods
	for _, s := range of[appsv1.StatefulSet](all) {
		p := pods{name: s.Name, kind: "StatefulSet", service: s.Spec.ServiceName, replicas: -1, labels: s.Spec.Template.Labels, spec: s.Spec.Template.Spec}
		for _, claim := range s.Spec.VolumeClaimTemplates { // seen by the containers as volumes
			p.spec.Volumes = append(p.spec.Volumes, corev1.Volume{Name: claim.Name, VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name}}})
		}
		if s.Spec.Replicas != nil {
			p.replicas = *s.Spec.Replicas
		}
		p.selector = labels.SelectorFromSet(s.Spec.Selector.MatchLabels)
		out = append(out, p)
	}
	for _, d := range of[appsv1.Deployment](all) {
		out = append(out, pods{
			name: d.Name, kind: "Deployment", replicas: *d.Spec.Replicas, labels: d.Spec.Template.Labels, spec: d.Spec.Template.Spec,
			selector: labels.SelectorFromSet(d.Spec.Selector.MatchLabels),
		})
	}
	return out
}

// of returns the typed objects of one kind.
func of[T any](all []Object) []*T {
	var out []*T
	for _, o := range all {
		if v, ok := any(o.Typed).(*T); ok {
			out = append(out, v)
		}
	}
	return out
}

// loose returns the objects of a kind that only a schema describes.
func (b *built) loose(t *testing.T, kind string) []map[string]any {
	t.Helper()
	var out []map[string]any
	for _, o := range b.all {
		if o.Kind != kind {
			continue
		}
		var m map[string]any
		if err := json.Unmarshal(o.JSON, &m); err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

func (b *built) selected(s map[string]string) []pods {
	var out []pods
	for _, p := range b.workloads {
		if labels.SelectorFromSet(s).Matches(labels.Set(p.labels)) {
			out = append(out, p)
		}
	}
	return out
}

func (b *built) workload(name string) *pods {
	for i, p := range b.workloads {
		if p.name == name {
			return &b.workloads[i]
		}
	}
	return nil
}

// port returns the number of a container's named port, 0 if there is none.
func (p pods) port(name string) int32 {
	for _, c := range p.spec.Containers {
		for _, port := range c.Ports {
			if port.Name == name {
				return port.ContainerPort
			}
		}
	}
	return 0
}
