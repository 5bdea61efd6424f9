package config

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Worker is one upstream.
type Worker struct {
	// Name labels the worker in metrics; letters, digits, - and _.
	Name string `yaml:"name"`
	// URL is its base, such as http://10.0.0.5:9090.
	URL string `yaml:"url"`
	// Services it offers. Empty means whatever its health lists.
	Services []string `yaml:"services"`
	// Pool sets workers of the same services apart, for canary and mirror routes;
	// default none: those get all other calls.
	Pool string `yaml:"pool"`
	// Resolve is how often the URL's name is resolved, to use each of its
	// addresses as a worker of its own; default 0: one worker, whose name is
	// resolved for each connection.
	Resolve Duration `yaml:"resolve"`
	// TokenFile holds the shared token the worker demands. The environment
	// variable OMNI_WORKER_TOKEN serves every worker that names no file.
	TokenFile string `yaml:"token_file"`
	// Identity is "google" to send each call with an ID token of the gateway's
	// service account, from the metadata server; default none.
	Identity string `yaml:"identity"`
	// Audience of the ID token; default the URL.
	Audience string `yaml:"audience"`
	// TLS is for an https URL: who is believed, and who the gateway is.
	TLS WorkerTLS `yaml:"tls"`
	// Wake says how the worker is brought up when a call needs it.
	Wake Wake `yaml:"wake"`

	// Token is read from TokenFile or the environment.
	Token string `yaml:"-"`
}

// WorkerTLS names files, which are read again when they change.
type WorkerTLS struct {
	// CAFile holds the authorities that may have signed the worker's
	// certificate; default the system's.
	CAFile string `yaml:"ca_file"`
	// CertFile and KeyFile are the gateway's own certificate, for workers that
	// demand one (mutual TLS).
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// ServerName that the worker's certificate must bear; default the URL's host.
	ServerName string `yaml:"server_name"`
}

// Kinds of wake.
const (
	WakeProcess    = "process"
	WakeHTTP       = "http"
	WakeKubernetes = "kubernetes"
)

// Wake says how a worker is brought up when a call needs it, and let go when
// nobody has called for a while.
type Wake struct {
	// Kind is "process" (the gateway runs the worker's command), "http" (one
	// call wakes it, as on Cloud Run), "kubernetes" (a scale of zero is raised),
	// or empty (default): the worker runs by itself.
	Kind string `yaml:"kind"`
	// Idle is how long the worker may have nothing to do; default 5 min.
	Idle Duration `yaml:"idle"`
	// Timeout for it to become ready; default 10 min.
	Timeout Duration `yaml:"timeout"`

	// Command and its arguments, for kind process.
	Command []string `yaml:"command"`
	// Dir to run the command in; default the gateway's own.
	Dir string `yaml:"dir"`
	// Env is added to the gateway's own environment, out of which its secrets are
	// taken; OMNI_WORKER_TOKEN is the worker's token.
	Env map[string]string `yaml:"env"`
	// StopGrace is how long an idle process may take to end after SIGTERM;
	// default 10 s.
	StopGrace Duration `yaml:"stop_grace"`

	// URL to call, for kind http; default the worker's /internal/health.
	URL string `yaml:"url"`

	// Kubernetes is for kind kubernetes.
	Kubernetes Kubernetes `yaml:"kubernetes"`
}

// Kubernetes names what is scaled, and the cluster; a gateway that runs in the
// cluster needs only Object.
type Kubernetes struct {
	// Resource is "deployments" (default) or "statefulsets".
	Resource string `yaml:"resource"`
	// Object is the name of the Deployment or StatefulSet.
	Object string `yaml:"object"`
	// Namespace; default the gateway's own.
	Namespace string `yaml:"namespace"`
	// Replicas to wake it to; default 1.
	Replicas int `yaml:"replicas"`
	// Server is the API server's URL; default the cluster the gateway runs in.
	Server string `yaml:"server"`
	// TokenFile and CAFile; default the pod's service account's.
	TokenFile string `yaml:"token_file"`
	CAFile    string `yaml:"ca_file"`
}

func workersWithDefaults(given []Worker) []Worker {
	out := append([]Worker(nil), given...)
	for i := range out {
		w := &out[i]
		if w.Identity == IdentityGoogle {
			or(&w.Audience, strings.TrimSuffix(w.URL, "/"))
		}
		w.Wake = w.Wake.withDefaults(w.URL)
	}
	return out
}

// IdentityGoogle is the Worker.Identity that sends a Google ID token.
const IdentityGoogle = "google"

func (k Wake) withDefaults(base string) Wake {
	if k.Kind == "" {
		return k
	}
	or(&k.Idle, Duration(5*time.Minute))
	or(&k.Timeout, Duration(10*time.Minute))
	switch k.Kind {
	case WakeProcess:
		or(&k.StopGrace, Duration(10*time.Second))
	case WakeHTTP:
		or(&k.URL, strings.TrimSuffix(base, "/")+"/internal/health")
	case WakeKubernetes:
		or(&k.Kubernetes.Resource, "deployments")
		or(&k.Kubernetes.Replicas, 1)
	}
	return k
}

func (c Config) validateWorkers(v *faults, getenv func(string) string) {
	seen := map[string]bool{}
	for i, w := range c.Workers {
		at := fmt.Sprintf("workers[%d]", i)
		if !nameShape.MatchString(w.Name) {
			v.add(at+".name", w.Name, "a lower-case letter, then letters, digits, - and _")
		}
		if seen[w.Name] {
			v.say("%s.name = %q stands twice", at, w.Name)
		}
		seen[w.Name] = true
		u, err := url.Parse(w.URL)
		if err != nil || !webURL(u) {
			v.add(at+".url", redact(w.URL), "http://host:port or https://host, without credentials")
			continue
		}
		if getenv("K_SERVICE") != "" && strings.HasSuffix(u.Hostname(), ".svc.cluster.local") {
			v.say("%s.url = %q cannot be reached from Cloud Run: cluster names resolve inside the cluster only; use an internal load balancer's address", at, redact(w.URL))
		}
		if w.Pool != "" && !nameShape.MatchString(w.Pool) {
			v.add(at+".pool", w.Pool, "a lower-case letter, then letters, digits, - and _")
		}
		if d := w.Resolve.D(); d != 0 && d < time.Second {
			v.add(at+".resolve", d.String(), "0 (one worker) or at least 1s")
		}
		w.validateIdentity(v, at, u)
		w.Wake.validate(v, at+".wake", getenv)
		if k, err := url.Parse(w.Wake.URL); w.Wake.Kind == WakeHTTP && (err != nil || k.Scheme != u.Scheme || k.Host != u.Host) {
			v.say("%s.wake.url = %q, must be at the worker's own address %s: the worker's credentials go with the call", at, redact(w.Wake.URL), redact(w.URL))
		}
	}
}

func webURL(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

// validateIdentity keeps credentials off the open wire.
func (w Worker) validateIdentity(v *faults, at string, u *url.URL) {
	if w.Identity != "" {
		v.oneOf(at+".identity", w.Identity, IdentityGoogle)
	}
	if w.Identity == "" && w.Audience != "" {
		v.say("%s.audience = %q is for identity: google", at, w.Audience)
	}
	if w.Identity == IdentityGoogle && u.Scheme != "https" && !isLoopback(u.Hostname()) {
		v.say("%s.identity = google would send an ID token in the clear to %s; use https", at, redact(w.URL))
	}
	if w.TLS != (WorkerTLS{}) && u.Scheme != "https" {
		v.say("%s.tls is for an https URL, but url = %q", at, redact(w.URL))
	}
	if (w.TLS.CertFile == "") != (w.TLS.KeyFile == "") {
		v.say("%s.tls.cert_file and key_file belong together", at)
	}
}

// objectShape is a DNS label or subdomain, as Kubernetes names things.
var objectShape = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)

func (k Wake) validate(v *faults, at string, getenv func(string) string) {
	if k.Kind == "" {
		if k.Idle != 0 || k.Timeout != 0 || len(k.Command) > 0 || k.URL != "" || k.Kubernetes != (Kubernetes{}) {
			v.say("%s.kind is missing: process, http or kubernetes", at)
		}
		return
	}
	v.oneOf(at+".kind", k.Kind, WakeProcess, WakeHTTP, WakeKubernetes)
	if d := k.Idle.D(); d < time.Second {
		v.add(at+".idle", d.String(), "at least 1s; a worker that is never to rest needs no wake, or 8760h")
	}
	if d := k.Timeout.D(); d < time.Second {
		v.add(at+".timeout", d.String(), "at least 1s")
	}
	if (k.Kind == WakeProcess) != (len(k.Command) > 0) {
		v.say("%s.command is needed by kind: process, and by no other", at)
	}
	if k.Kind == WakeProcess && len(k.Command) > 0 && strings.TrimSpace(k.Command[0]) == "" {
		v.say("%s.command[0] is empty; want the program to run", at)
	}
	if d := k.StopGrace.D(); k.Kind == WakeProcess && d <= 0 {
		v.add(at+".stop_grace", d.String(), "a positive duration")
	}
	if k.Kind == WakeHTTP {
		if u, err := url.Parse(k.URL); err != nil || !webURL(u) {
			v.add(at+".url", redact(k.URL), "an http or https URL without credentials")
		}
	} else if k.URL != "" {
		v.say("%s.url is for kind: http", at)
	}
	if k.Kind == WakeKubernetes {
		k.Kubernetes.validate(v, at+".kubernetes", getenv)
	} else if k.Kubernetes != (Kubernetes{}) {
		v.say("%s.kubernetes is for kind: kubernetes", at)
	}
}

func (k Kubernetes) validate(v *faults, at string, getenv func(string) string) {
	v.oneOf(at+".resource", k.Resource, "deployments", "statefulsets")
	if !objectShape.MatchString(k.Object) {
		v.add(at+".object", fmt.Sprintf("%q", k.Object), "the name of a Deployment or StatefulSet")
	}
	if k.Namespace != "" && !objectShape.MatchString(k.Namespace) {
		v.add(at+".namespace", fmt.Sprintf("%q", k.Namespace), "the name of a namespace")
	}
	between(v, at+".replicas", k.Replicas, 1, 10_000)
	if k.Server == "" {
		if getenv("KUBERNETES_SERVICE_HOST") == "" {
			v.say("%s.server is missing, and this gateway does not run in a cluster (KUBERNETES_SERVICE_HOST is not set)", at)
		}
		return
	}
	u, err := url.Parse(k.Server)
	if err != nil || !webURL(u) || (u.Scheme != "https" && !isLoopback(u.Hostname())) {
		v.add(at+".server", redact(k.Server), "the https URL of the cluster's API server")
	}
	if k.TokenFile == "" || k.Namespace == "" {
		v.say("%s.token_file and namespace are needed with a server", at)
	}
}
