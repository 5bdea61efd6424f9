// Package kubernetes holds the manifests for clusters. Its code builds the
// overlays as kustomize does and decodes what comes out, so that tests can
// hold it against the API's own types.
package kubernetes

import (
	"encoding/json"
	"fmt"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/omni-run/omni/deploy/schema"
)

// Overlays are the folders below overlays that a cluster can be given.
var Overlays = []string{"any", "any-keda", "any-postgres", "gke-autopilot", "gke-gateway", "gke-worker"}

// Object is one manifest as it would be sent to the API server.
type Object struct {
	APIVersion, Kind, Namespace, Name string
	JSON                              []byte
	// Typed is the decoded object; nil for kinds that only a schema describes.
	Typed runtime.Object
}

// Build runs kustomize over a folder. Every object is decoded strictly: a
// field the API does not have is an error.
func Build(dir string) ([]Object, error) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		return nil, fmt.Errorf("building %s: %w", dir, err)
	}
	decoder, err := newDecoder()
	if err != nil {
		return nil, err
	}
	var all []Object
	for _, r := range resources.Resources() {
		raw, err := r.MarshalJSON()
		if err != nil {
			return nil, err
		}
		o := Object{APIVersion: r.GetGvk().ApiVersion(), Kind: r.GetKind(), Namespace: r.GetNamespace(), Name: r.GetName(), JSON: raw}
		if o.Typed, err = decode(decoder, o); err != nil {
			return nil, fmt.Errorf("%s %s: %w", o.Kind, o.Name, err)
		}
		all = append(all, o)
	}
	return all, nil
}

func newDecoder() (runtime.Decoder, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, appsv1.AddToScheme, autoscalingv2.AddToScheme, policyv1.AddToScheme, networkingv1.AddToScheme,
		gatewayv1.Install, monitoring.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer(), nil
}

// described are the kinds whose Go types are not worth their dependencies.
var described = map[string]string{
	"keda.sh/v1alpha1 ScaledObject":              schema.ScaledObject,
	"monitoring.googleapis.com/v1 PodMonitoring": schema.PodMonitoring,
}

func decode(d runtime.Decoder, o Object) (runtime.Object, error) {
	name, only := described[o.APIVersion+" "+o.Kind]
	if !only {
		typed, _, err := d.Decode(o.JSON, nil, nil)
		return typed, err
	}
	s, err := schema.Published(name)
	if err != nil {
		return nil, err
	}
	var document any
	if err := json.Unmarshal(o.JSON, &document); err != nil {
		return nil, err
	}
	return nil, s.Check(document)
}
