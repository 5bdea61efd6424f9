package nativeworker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/omni-run/omni/internal/observe"
	"github.com/omni-run/omni/internal/otlp"
)

// Settings are what a worker process is told by flags and environment.
type Settings struct {
	Listen         string
	DataDir        string
	MaxConcurrency int
	Token          string
	TrustNetwork   bool
	LogLevel       string
	LogFormat      string
	SentryDSN      string
	Environment    string
	// Announce receives the address once the worker listens; may be nil.
	Announce func(address string)
	LLM      LLM
	Identity Identity
	// TracesEndpoint and TracesHeaders say where spans go by OTLP over HTTP; no
	// endpoint, no spans.
	TracesEndpoint string
	TracesHeaders  map[string]string
}

// LLM is an OpenAI-compatible chat endpoint for /agi. Without a URL the
// offline planner answers.
type LLM struct {
	BaseURL string
	APIKey  string
	Model   string
	// FallBack answers offline, with a warning, when the endpoint fails.
	FallBack bool
}

// SettingsFromEnvironment reads OMNI_WORKER_LISTEN (or PORT), OMNI_DATA_DIR,
// OMNI_WORKER_TOKEN (or OMNI_WORKER_TOKEN_FILE), OMNI_WORKER_TRUST_NETWORK,
// OMNI_LOG_LEVEL, OMNI_LOG_FORMAT, SENTRY_DSN, OMNI_ENVIRONMENT, and OMNI_LLM_URL, OMNI_LLM_KEY,
// OMNI_LLM_MODEL, OMNI_LLM_FALLBACK, OTEL_EXPORTER_OTLP_ENDPOINT and _HEADERS,
// and what Identity names.
func SettingsFromEnvironment(getenv func(string) string) (Settings, error) {
	s := Settings{
		Listen: getenv("OMNI_WORKER_LISTEN"), DataDir: getenv("OMNI_DATA_DIR"), Token: getenv("OMNI_WORKER_TOKEN"),
		TrustNetwork: getenv("OMNI_WORKER_TRUST_NETWORK") == "yes", LogLevel: getenv("OMNI_LOG_LEVEL"), LogFormat: getenv("OMNI_LOG_FORMAT"),
		SentryDSN: getenv("SENTRY_DSN"), Environment: getenv("OMNI_ENVIRONMENT"),
		LLM: LLM{BaseURL: getenv("OMNI_LLM_URL"), APIKey: getenv("OMNI_LLM_KEY"), Model: getenv("OMNI_LLM_MODEL"), FallBack: getenv("OMNI_LLM_FALLBACK") == "yes"},
	}
	if s.Listen == "" {
		s.Listen = "127.0.0.1:9090"
		if port := getenv("PORT"); port != "" {
			s.Listen = ":" + port
		}
	}
	if s.DataDir == "" {
		s.DataDir = "./omni-data"
	}
	if file := getenv("OMNI_WORKER_TOKEN_FILE"); s.Token == "" && file != "" {
		raw, err := os.ReadFile(file)
		if err != nil {
			return Settings{}, fmt.Errorf("reading the worker's token: %w", err)
		}
		s.Token = strings.TrimSpace(string(raw))
	}
	s.Identity = identityFromEnvironment(getenv)
	s.TracesEndpoint, s.TracesHeaders = getenv("OTEL_EXPORTER_OTLP_ENDPOINT"), otlp.ParseHeaders(getenv("OTEL_EXPORTER_OTLP_HEADERS"))
	return s, nil
}

// Run serves until ctx ends and then drains.
func Run(ctx context.Context, s Settings, version string, stdout io.Writer) error {
	if err := s.trusted(); err != nil {
		return err
	}
	log, err := observe.NewLogger(stdout, observe.LogOptions{Level: s.LogLevel, Format: s.LogFormat})
	if err != nil {
		return err
	}
	reporter, err := observe.NewReporter(observe.ReportOptions{DSN: s.SentryDSN, Environment: s.Environment, Release: version, Component: "worker"}, log)
	if err != nil {
		return err
	}
	var traces *otlp.Exporter
	if s.TracesEndpoint != "" {
		if traces, err = otlp.New(otlp.Options{ //nolint:contextcheck // exports outlive the start: Close ends them
			Endpoint: s.TracesEndpoint, Headers: s.TracesHeaders, Resource: otlp.Resource{Service: "omni-worker", Version: version}, Log: log,
		}); err != nil {
			return fmt.Errorf("traces: %w", err)
		}
	}
	verify, secure, err := s.Identity.open(ctx, log)
	if err != nil {
		return err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Listen)
	if err != nil {
		return err
	}
	// Services load until they are done: a drain that begins while they load
	// must not leave them half loaded and reported as failed.
	w, err := Open(context.WithoutCancel(ctx), Options{
		DataDir: s.DataDir, Token: s.Token, Verify: verify, TLS: secure, MaxConcurrency: s.MaxConcurrency, Version: version, Log: log, Reporter: reporter, Traces: traces, LLM: s.LLM,
	})
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	if s.Announce != nil {
		s.Announce(ln.Addr().String())
	}
	err = w.Serve(ctx, ln, 8*time.Second)
	return errors.Join(err, w.Close()) //nolint:contextcheck // what is left must go out though ctx has ended
}

// trusted refuses to answer strangers: a worker has no keys of its own.
func (s Settings) trusted() error {
	if s.Token != "" || s.TrustNetwork || s.Identity.demanded() {
		return nil
	}
	host, _, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return fmt.Errorf("listen address %q: %w", s.Listen, err)
	}
	if addr, err := netip.ParseAddr(host); host == "localhost" || (err == nil && addr.IsLoopback()) {
		return nil
	}
	return fmt.Errorf("listening on %s without OMNI_WORKER_TOKEN would let anybody in: set the token, OMNI_WORKER_GOOGLE_AUDIENCE or OMNI_WORKER_TLS_CLIENT_CA, or OMNI_WORKER_TRUST_NETWORK=yes if the network keeps strangers out", s.Listen)
}
