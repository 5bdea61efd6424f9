// Package config holds every setting of the gateway in one struct: decoded
// strictly, completed with defaults, checked field by field and across fields,
// before anything starts.
package config

import (
	"time"
)

// Modes of running.
const (
	// ModeDevelopment accepts the demo keys. It listens on loopback only,
	// unless Listen says otherwise in so many words, and is refused on Cloud
	// Run and Kubernetes.
	ModeDevelopment = "development"
	// ModeProduction is the default.
	ModeProduction = "production"
)

// Servers for HTTP/1.1.
const (
	ServerHTTP1   = "http1"
	ServerNetHTTP = "net/http"
)

// Config is the gateway's whole configuration.
type Config struct {
	// Mode is "production" (default) or "development".
	Mode string `yaml:"mode"`
	// Listen is the public address; default ":8080", in development
	// "127.0.0.1:8080". The environment variable PORT sets its port.
	Listen string `yaml:"listen"`
	// Server is "http1" (default), this project's own server for HTTP/1.1, or
	// "net/http", the standard library's. Both hand HTTP/2 to the latter.
	Server string `yaml:"server"`
	// DebugListen is an address for profiles (/debug/pprof), which must be on
	// loopback; empty (default) for none.
	DebugListen string `yaml:"debug_listen"`
	// DataDir holds keys, the usage ledger and jobs; default "./omni-data".
	DataDir string `yaml:"data_dir"`
	// TrustedProxies are the networks whose X-Forwarded-For is believed for
	// the per-address guard and the log, as CIDR; default none.
	TrustedProxies []string `yaml:"trusted_proxies"`
	// CORS says which web pages may call from a browser; default none.
	CORS CORS `yaml:"cors"`

	Log    Log    `yaml:"log"`
	Sentry Sentry `yaml:"sentry"`
	Traces Traces `yaml:"traces"`
	Keys   Keys   `yaml:"keys"`
	// OIDC lets tokens of an identity provider in beside keys; default none.
	OIDC   OIDC   `yaml:"oidc"`
	Limits Limits `yaml:"limits"`
	// LimitStore says where tenants' rates are counted.
	LimitStore LimitStore `yaml:"limit_store"`
	Hold       Hold       `yaml:"hold"`
	Jobs       Jobs       `yaml:"jobs"`
	// Idempotency says where the answers of calls with an Idempotency-Key are
	// kept.
	Idempotency Idempotency `yaml:"idempotency"`
	Webhooks    Webhooks    `yaml:"webhooks"`
	Cache       Cache       `yaml:"cache"`
	// Balance says how calls are spread over workers and what is done about those
	// that do badly.
	Balance Balance         `yaml:"balance"`
	Tiers   map[string]Tier `yaml:"tiers"`
	Workers []Worker        `yaml:"workers"`
	// Routes are added to the built-in table; one with the method and path of
	// a built-in route replaces it.
	Routes []Route `yaml:"routes"`
	// NoDefaultRoutes leaves the built-in routes out.
	NoDefaultRoutes bool `yaml:"no_default_routes"`

	// MasterKey comes from the environment variable MASTER_API_KEY only.
	MasterKey string `yaml:"-"`
	// Project is the Google Cloud project for trace links in the log; from
	// GOOGLE_CLOUD_PROJECT.
	Project string `yaml:"-"`
}

// Log chooses how log lines look.
type Log struct {
	// Level is debug, info (default), warn or error.
	Level string `yaml:"level"`
	// Format is json (default) or text.
	Format string `yaml:"format"`
	// Access switches the line per request; default true.
	Access *bool `yaml:"access"`
}

// Sentry configures error reports.
type Sentry struct {
	// DSN is empty (default) for none. The environment variable SENTRY_DSN
	// overrides it.
	DSN string `yaml:"dsn"`
	// Environment defaults to the mode.
	Environment string `yaml:"environment"`
}

// Traces configures the export of traces by OTLP over HTTP.
type Traces struct {
	// Endpoint of the collector, such as http://127.0.0.1:4318; empty (default)
	// for no traces. The environment variable OTEL_EXPORTER_OTLP_ENDPOINT
	// overrides it. OTEL_EXPORTER_OTLP_HEADERS, such as "api-key=…", goes with
	// every export.
	Endpoint string `yaml:"endpoint"`
	// Sample is the share of traces begun here that is recorded; default 0.1.
	// Those that callers began are recorded if they say so.
	Sample float64 `yaml:"sample"`
	// Headers come from the environment only.
	Headers map[string]string `yaml:"-"`
}

// Keys says where API keys are kept.
type Keys struct {
	// Store is "sqlite" (default), "file" or "postgres"; default "postgres" when
	// URL is given.
	Store string `yaml:"store"`
	// Path of the key file; default keys.db or keys.json in DataDir.
	Path string `yaml:"path"`
	// URL of the database, such as
	// postgres://user@host:5432/omni?sslmode=verify-full. The environment variable
	// OMNI_KEYS_URL overrides it; put a URL with a password there.
	URL string `yaml:"url"`
	// MaxStale is how long the last good keys serve while the store is out of
	// reach; default 5 min.
	MaxStale Duration `yaml:"max_stale"`
}

// Limits bound what one caller can make the gateway hold or wait for.
type Limits struct {
	// MaxBody in bytes, whatever the tier allows; default 32 MiB.
	MaxBody int64 `yaml:"max_body"`
	// MaxHeader in bytes, request line and headers together; default 64 KiB.
	MaxHeader int `yaml:"max_header"`
	// HeaderTimeout for a request's headers to arrive; default 10 s.
	HeaderTimeout Duration `yaml:"header_timeout"`
	// BodyTimeout for a request's body to arrive; default 60 s.
	BodyTimeout Duration `yaml:"body_timeout"`
	// IdleTimeout of a kept-alive connection; default 2 min.
	IdleTimeout Duration `yaml:"idle_timeout"`
	// JSONDepth is how deep a body may nest; default 64.
	JSONDepth int `yaml:"json_depth"`
	// PublicPerMinute is the budget of one address for the public paths and
	// for calls without a valid key; default 6,000. A load balancer in front that
	// is no trusted proxy makes all callers share one address.
	PublicPerMinute int `yaml:"public_per_minute"`
	// DrainTimeout bounds the graceful stop; default 9 s, inside Cloud Run's 10.
	DrainTimeout Duration `yaml:"drain_timeout"`
	// LameDuck is how much of DrainTimeout, at its beginning, the gateway still
	// takes connections and calls, though it says that it is not ready: for load
	// balancers to notice, and for callers on kept connections to be told with
	// their next answer to leave. At most half of DrainTimeout; default 1 s, in
	// development 0.
	LameDuck *Duration `yaml:"lame_duck"`
}

// LimitStore says where tenants' rates are counted: by each gateway for itself,
// or by all of them together.
type LimitStore struct {
	// Kind is "memory" (each gateway counts alone) or "redis" (Redis or Valkey,
	// shared); default "redis" when URL is given, else "memory".
	Kind string `yaml:"kind"`
	// URL of the store, such as redis://host:6379/0, rediss:// for TLS, or
	// unix:///path. The environment variable OMNI_REDIS_URL overrides it; put a
	// URL with a password there.
	URL string `yaml:"url"`
	// Prefix of the store's keys; default "omni:limit:".
	Prefix string `yaml:"prefix"`
	// Timeout of one call to the store; default 50 ms. After that this gateway
	// decides by its share.
	Timeout Duration `yaml:"timeout"`
	// Gateways is how many share the store. While it is out of reach each
	// grants 1/Gateways of the limits; default 1.
	Gateways int `yaml:"gateways"`
}

// Hold bounds the queue of calls that wait for a worker.
type Hold struct {
	// MaxWait is the longest a call waits; default 300 s.
	MaxWait Duration `yaml:"max_wait"`
	// MaxRequests and MaxBytes bound the whole queue; default 10,000 and 256 MiB.
	MaxRequests int   `yaml:"max_requests"`
	MaxBytes    int64 `yaml:"max_bytes"`
	// TenantRequests and TenantBytes bound one tenant's part; default 1,000
	// and 64 MiB.
	TenantRequests int   `yaml:"tenant_requests"`
	TenantBytes    int64 `yaml:"tenant_bytes"`
	// Credit is how many waiting calls a tenant that used less than its share,
	// while others waited, may send ahead of theirs; 0 for none, so that it takes
	// its turn from the first call on; default 8.
	Credit *int `yaml:"credit"`
}

// Balance says how calls are spread over workers.
type Balance struct {
	// ConnectTimeout limits opening a connection to a worker; default 2 s.
	ConnectTimeout Duration `yaml:"connect_timeout"`
	// HeaderTimeout limits the wait for the first byte of an answer; default 0,
	// the route's timeout alone.
	HeaderTimeout Duration `yaml:"header_timeout"`
	// BodyTimeout limits each wait for more of an answer; default 60 s.
	BodyTimeout Duration `yaml:"body_timeout"`
	// RetryShare is how many calls may be sent a second time, as a share of all;
	// default 0.2.
	RetryShare float64 `yaml:"retry_share"`
	// SlowStart is how long a worker that has become ready gets less than its
	// share; default 10 s.
	SlowStart Duration `yaml:"slow_start"`
	// OutlierErrors is the share of failed calls at which a worker is left out
	// for a while, if its peers do better; default 0.5.
	OutlierErrors float64 `yaml:"outlier_errors"`
	// OutlierLatency leaves a worker out that takes so many times as long as its
	// peers; default 5.
	OutlierLatency float64 `yaml:"outlier_latency"`
	// OutlierMax is the share of the workers that may be left out at a time for
	// either; default 0.5.
	OutlierMax float64 `yaml:"outlier_max"`
}

// Jobs bound asynchronous work.
type Jobs struct {
	// Store is "sqlite" (a file in DataDir, default) or "postgres" (shared by
	// several gateways); default "postgres" when URL is given.
	Store string `yaml:"store"`
	// URL of the PostgreSQL database, such as
	// postgres://user@host:5432/omni?sslmode=verify-full. The environment variable
	// OMNI_JOBS_URL overrides it; put a URL with a password there.
	URL string `yaml:"url"`
	// Concurrent is how many jobs this gateway runs at a time; default 4.
	Concurrent int `yaml:"concurrent"`
	// Timeout of one job; default 1 h.
	Timeout Duration `yaml:"timeout"`
	// Keep is how long results can be fetched; default 24 h.
	Keep Duration `yaml:"keep"`
	// TenantPending is how many unfinished jobs one tenant may have; default 100.
	TenantPending int `yaml:"tenant_pending"`
	// Lease is how long a gateway that shares the store may be silent until
	// others take over the jobs it ran; default 15 s.
	Lease Duration `yaml:"lease"`
}

// Cache bounds the answers kept to be given again, of routes that have a
// cache.ttl.
type Cache struct {
	// Enabled is true by default.
	Enabled *bool `yaml:"enabled"`
	// MaxBytes of all answers together; default 64 MiB.
	MaxBytes int64 `yaml:"max_bytes"`
	// TenantBytes of one tenant's; default a quarter of MaxBytes.
	TenantBytes int64 `yaml:"tenant_bytes"`
	// FreeHits makes an answer from the cache cost no units of the month; it
	// counts as a request and against the rate all the same. Default false.
	FreeHits bool `yaml:"free_hits"`
}

// RouteCache says for how long a route's answers may be given again.
type RouteCache struct {
	// TTL of an answer; 0 (default) keeps none.
	TTL Duration `yaml:"ttl"`
	// Versioned routes use models of the tenant: before an answer is given
	// again, the worker is asked whether they are the same still.
	Versioned bool `yaml:"versioned"`
}

// Tier is what a plan allows its tenants, all keys of a tenant together.
type Tier struct {
	// RequestsPerMinute is the sustained rate in units.
	RequestsPerMinute int `yaml:"requests_per_minute"`
	// Burst is how many units may come at once; default a tenth of the
	// minute's, at least 20.
	Burst int `yaml:"burst"`
	// Concurrent requests at a time.
	Concurrent int `yaml:"concurrent"`
	// MaxBody in bytes.
	MaxBody int64 `yaml:"max_body"`
	// MonthlyUnits per calendar month (UTC); 0 for no quota. Absent, it is the
	// built-in tier's of that name, and none for another.
	MonthlyUnits *int64 `yaml:"monthly_units"`
	// Weight is the share in the hold queue, relative to other tiers.
	Weight int `yaml:"weight"`
}

// MonthQuota is MonthlyUnits of a tier with defaults; 0 for none.
func (t Tier) MonthQuota() int64 {
	if t.MonthlyUnits == nil {
		return 0
	}
	return *t.MonthlyUnits
}

// Route is one public path that workers serve.
type Route struct {
	// Method and Path, such as POST and /models/{name}/promote.
	Method string `yaml:"method"`
	Path   string `yaml:"path"`
	// Service names the worker service that answers.
	Service string `yaml:"service"`
	// Scope a key needs; default the service's name.
	Scope string `yaml:"scope"`
	// Units is the route's cost; default 1.
	Units int `yaml:"units"`
	// Idempotent routes may be sent again when a worker fails in the middle.
	Idempotent bool `yaml:"idempotent"`
	// Async routes always answer 202 with a job.
	Async bool `yaml:"async"`
	// Timeout of the worker's own work, waiting aside; default 120 s.
	Timeout Duration `yaml:"timeout"`
	// Hedge sends an idempotent call that has no answer after this time to a
	// second worker, within the retry budget; the first answer counts. Default 0:
	// never.
	Hedge Duration `yaml:"hedge"`
	// HedgePercentile sends it when so many of a hundred recent calls of the
	// service had their answer, after Hedge at the earliest, and as long as too
	// few calls are known after Hedge. Default 0: Hedge alone decides.
	HedgePercentile float64 `yaml:"hedge_percentile"`
	// Canary sends a part of the calls to the workers of another pool, as long as
	// one of them is ready.
	Canary Canary `yaml:"canary"`
	// Mirror sends copies of a part of the calls to the workers of another pool
	// and drops the answers.
	Mirror Mirror `yaml:"mirror"`
	// Cache says whether answers may be given again.
	Cache RouteCache `yaml:"cache"`
}

// Canary says which calls another pool answers.
type Canary struct {
	// Pool of the workers.
	Pool string `yaml:"pool"`
	// Weight is the share of the calls in percent; default 0.
	Weight float64 `yaml:"weight"`
	// Tenants whose calls all go there.
	Tenants []string `yaml:"tenants"`
}

// Mirror says of which calls another pool gets copies.
type Mirror struct {
	// Pool of the workers.
	Pool string `yaml:"pool"`
	// Weight is the share of the calls in percent; default 100.
	Weight float64 `yaml:"weight"`
}

// Duration is a time.Duration written as "30s" or "5m" in YAML.
type Duration time.Duration

// UnmarshalText reads "30s".
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// MarshalText writes "30s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// D returns the time.Duration.
func (d Duration) D() time.Duration { return time.Duration(d) }
