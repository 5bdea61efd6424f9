package wake

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/omni-run/omni/internal/pool"
)

// Kubernetes scales a Deployment or StatefulSet up from zero, and back when it
// is idle, by its scale sub-resource. It needs the verbs get and patch on
// deployments/scale (or statefulsets/scale) and nothing else.
type Kubernetes struct {
	// Name of the worker, for the log.
	Name string
	// Server is the API server's base URL.
	Server string
	// Namespace, Resource ("deployments" or "statefulsets") and Object name what
	// is scaled.
	Namespace, Resource, Object string
	// Replicas is how many it is woken to.
	Replicas int
	// TokenFile holds the service account's token; it is read for each call,
	// because the cluster renews it.
	TokenFile string
	// CAFile holds the cluster's certificate authority; empty for the system's.
	CAFile string
	// Backoff is the pause after a first call that failed; it doubles up to
	// forty times itself. Default 250 ms.
	Backoff time.Duration
	Log     *slog.Logger
}

var _ pool.Keeper = (*Kubernetes)(nil)

// ServiceAccountDir is where a pod finds its service account.
const ServiceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// InCluster completes what is left out with what a pod is told about its
// cluster.
func (k *Kubernetes) InCluster(getenv func(string) string) error {
	if k.Server == "" {
		host, port := getenv("KUBERNETES_SERVICE_HOST"), getenv("KUBERNETES_SERVICE_PORT")
		if host == "" || port == "" {
			return errors.New("this gateway does not run in a Kubernetes cluster (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set): give wake.kubernetes.server, token_file, ca_file and namespace")
		}
		k.Server = "https://" + net.JoinHostPort(host, port)
		if k.CAFile == "" {
			k.CAFile = ServiceAccountDir + "/ca.crt"
		}
	}
	if k.TokenFile == "" {
		k.TokenFile = ServiceAccountDir + "/token"
	}
	if k.Namespace == "" {
		raw, err := os.ReadFile(ServiceAccountDir + "/namespace")
		if err != nil {
			return fmt.Errorf("finding the namespace (or give wake.kubernetes.namespace): %w", err)
		}
		k.Namespace = strings.TrimSpace(string(raw))
	}
	return nil
}

// Keep implements pool.Keeper. When the gateway stops, what runs is left
// running: other gateways may need it.
func (k *Kubernetes) Keep(ctx context.Context, needed <-chan struct{}) error {
	client, err := k.client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	for {
		if err := k.scale(ctx, client, k.up); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return k.release(ctx, client)
		case <-needed: // somebody else may have scaled it to zero
		}
	}
}

// up wants at least Replicas; more are somebody else's decision.
func (k *Kubernetes) up(now int) int { return max(now, k.Replicas) }

// release scales to zero when the worker was idle.
func (k *Kubernetes) release(ctx context.Context, client *http.Client) error {
	if !errors.Is(context.Cause(ctx), pool.ErrIdle) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	err := k.scale(ctx, client, func(int) int { return 0 })
	if err == nil && ctx.Err() != nil {
		err = errors.New("scaling to zero took too long")
	}
	if err != nil {
		k.Log.Error("an idle worker could not be scaled to zero", "worker", k.Name, "error", err)
	}
	return nil // it is not a failure to wake: the next call finds it running
}

// scale brings the replicas to what want says, and tries again what may pass
// by itself, until ctx ends.
func (k *Kubernetes) scale(ctx context.Context, client *http.Client, want func(now int) int) error {
	pause := k.Backoff
	if pause == 0 {
		pause = 250 * time.Millisecond
	}
	for first, try := pause, 0; ; try++ {
		err := k.scaleOnce(ctx, client, want)
		if err == nil || ctx.Err() != nil {
			return nil //nolint:nilerr // called off
		}
		wait := pause
		var status *statusError
		if errors.As(err, &status) {
			switch {
			case status.code == http.StatusConflict && try < 100:
				wait = first / 10 // somebody changed it in between: read it anew
			case status.code == http.StatusUnauthorized && try < 3:
				// The token may have been renewed a moment ago.
			case status.code < 500 && status.code != http.StatusTooManyRequests:
				return err
			}
			wait = max(wait, status.retryAfter)
		}
		k.Log.Warn("the cluster did not take a change of scale", "worker", k.Name, "error", err, "again_in", wait.String())
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		pause = min(2*pause, 40*first)
	}
}

// scaleOnce reads the scale and changes it if need be. The resource version
// makes the change fail when somebody else came first.
func (k *Kubernetes) scaleOnce(ctx context.Context, client *http.Client, want func(now int) int) error {
	var now scaleObject
	if err := k.call(ctx, client, http.MethodGet, nil, &now); err != nil {
		return err
	}
	target := want(now.Spec.Replicas)
	if target == now.Spec.Replicas {
		return nil
	}
	patch := scaleObject{Metadata: scaleMetadata{ResourceVersion: now.Metadata.ResourceVersion}, Spec: scaleSpec{Replicas: target}}
	var after scaleObject
	if err := k.call(ctx, client, http.MethodPatch, patch, &after); err != nil {
		return err
	}
	k.Log.Info("scaled", "worker", k.Name, k.Resource, k.Namespace+"/"+k.Object, "from", now.Spec.Replicas, "to", after.Spec.Replicas)
	return nil
}

// scaleObject is what this package needs of autoscaling/v1 Scale.
type scaleObject struct {
	Metadata scaleMetadata `json:"metadata"`
	Spec     scaleSpec     `json:"spec"`
}

type scaleMetadata struct {
	ResourceVersion string `json:"resourceVersion,omitempty"`
}

// scaleSpec always states the replicas: the cluster leaves a zero out, but a
// patch without it would change nothing.
type scaleSpec struct {
	Replicas int `json:"replicas"`
}

// statusError is the cluster's refusal.
type statusError struct {
	code       int
	text       string
	retryAfter time.Duration
}

func (e *statusError) Error() string { return e.text }

func (k *Kubernetes) call(ctx context.Context, client *http.Client, method string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var body io.Reader = http.NoBody
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	address := fmt.Sprintf("%s/apis/apps/v1/namespaces/%s/%s/%s/scale",
		strings.TrimSuffix(k.Server, "/"), url.PathEscape(k.Namespace), url.PathEscape(k.Resource), url.PathEscape(k.Object))
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return err
	}
	token, err := os.ReadFile(k.TokenFile)
	if err != nil {
		return fmt.Errorf("reading the service account's token: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "omni-gateway")
	if in != nil {
		req.Header.Set("Content-Type", "application/merge-patch+json")
	}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("calling the cluster: %w", err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("reading the cluster's answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return k.refusal(method, res, raw)
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("the cluster's answer is not a Scale: %w", err)
	}
	return nil
}

// refusal explains what the cluster said, and what to do about it.
func (k *Kubernetes) refusal(method string, res *http.Response, raw []byte) error {
	var s struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(raw, &s) != nil || s.Message == "" {
		s.Message = http.StatusText(res.StatusCode)
	}
	e := &statusError{code: res.StatusCode}
	what := fmt.Sprintf("%s scale of %s %s/%s: %d %.300s", strings.ToLower(method), k.Resource, k.Namespace, k.Object, res.StatusCode, s.Message)
	switch res.StatusCode {
	case http.StatusForbidden:
		what += fmt.Sprintf(" (the gateway's service account needs a Role with verbs get and patch on %s/scale, API group apps)", k.Resource)
	case http.StatusUnauthorized:
		what += " (is the token file the one of the gateway's service account?)"
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if d, err := time.ParseDuration(res.Header.Get("Retry-After") + "s"); err == nil {
			e.retryAfter = min(max(d, 0), 30*time.Second)
		}
	}
	e.text = what
	return e
}

func (k *Kubernetes) client() (*http.Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if k.CAFile != "" {
		raw, err := os.ReadFile(k.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading the cluster's certificate authority: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(raw) {
			return nil, fmt.Errorf("%s holds no certificate", k.CAFile)
		}
	}
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}
