package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	nameShape  = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	pathShape  = regexp.MustCompile(`^(/([a-z0-9._-]+|\{[a-z_]+\}))+$`)
	tierShape  = regexp.MustCompile(`^[a-z][a-z0-9]{0,31}$`)
	allMethods = []string{"GET", "POST", "PUT", "PATCH", "DELETE"}
)

// Validate checks a configuration whose defaults are filled. Every fault is
// reported, each with its key, its value and what would be right. getenv tells
// which platform this is.
func (c Config) Validate(getenv func(string) string) error {
	v := &faults{}
	v.oneOf("mode", c.Mode, ModeDevelopment, ModeProduction)
	v.oneOf("log.format", c.Log.Format, "json", "text")
	v.oneOf("server", c.Server, ServerHTTP1, ServerNetHTTP)
	v.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	_, port, err := net.SplitHostPort(c.Listen)
	if _, badPort := strconv.ParseUint(port, 10, 16); err != nil || badPort != nil {
		v.add("listen", c.Listen, "an address such as :8080 or 127.0.0.1:8080")
	}
	for i, cidr := range c.TrustedProxies {
		if _, err := netip.ParsePrefix(cidr); err != nil {
			v.add(fmt.Sprintf("trusted_proxies[%d]", i), cidr, "a network such as 10.0.0.0/8")
		}
	}
	if c.MasterKey != "" && len(c.MasterKey) < 16 {
		v.say("MASTER_API_KEY has %d characters; want at least 16", len(c.MasterKey))
	}
	c.Keys.validate(v)
	c.OIDC.validate(v)
	c.CORS.validate(v)
	c.validateMode(v, getenv)
	c.validateLimits(v)
	c.LimitStore.validate(v)
	c.Balance.validate(v)
	c.Traces.validate(v)
	if host, _, err := net.SplitHostPort(c.DebugListen); c.DebugListen != "" && (err != nil || !isLoopback(host)) {
		v.add("debug_listen", c.DebugListen, "an address on loopback such as 127.0.0.1:6060: profiles tell too much for a network")
	}
	c.Jobs.validate(v)
	c.Idempotency.validate(v)
	c.Webhooks.validate(v)
	c.validateTiers(v)
	c.validateWorkers(v, getenv)
	c.validateRoutes(v)
	return errors.Join(v.errs...)
}

// validateMode keeps the demo keys away from the internet.
func (c Config) validateMode(v *faults, getenv func(string) string) {
	if c.Mode != ModeDevelopment {
		return
	}
	for _, platform := range []struct{ variable, name string }{{"K_SERVICE", "Cloud Run"}, {"KUBERNETES_SERVICE_HOST", "Kubernetes"}} {
		if getenv(platform.variable) != "" {
			v.say("mode: development has well-known demo keys and is refused on %s; set mode: production", platform.name)
		}
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err == nil && !isLoopback(host) && getenv("OMNI_DEVELOPMENT_ON_ALL_INTERFACES") != "yes" {
		v.say("listen: %s would offer the demo keys of development mode to the network; listen on 127.0.0.1, or set OMNI_DEVELOPMENT_ON_ALL_INTERFACES=yes if you mean it", c.Listen)
	}
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

func (c Config) validateLimits(v *faults) {
	between(v, "limits.max_body", c.Limits.MaxBody, 1<<10, 1<<30)
	between(v, "limits.max_header", c.Limits.MaxHeader, 4<<10, 1<<20)
	between(v, "limits.json_depth", c.Limits.JSONDepth, 4, 1000)
	between(v, "limits.public_per_minute", c.Limits.PublicPerMinute, 1, 1_000_000)
	for name, d := range map[string]Duration{
		"limits.header_timeout": c.Limits.HeaderTimeout, "limits.body_timeout": c.Limits.BodyTimeout, "limits.idle_timeout": c.Limits.IdleTimeout,
		"limits.drain_timeout": c.Limits.DrainTimeout, "hold.max_wait": c.Hold.MaxWait, "jobs.timeout": c.Jobs.Timeout, "jobs.keep": c.Jobs.Keep,
	} {
		if d <= 0 {
			v.add(name, d.D().String(), "a positive duration such as 30s")
		}
	}
	if duck := c.Limits.LameDuck; *duck < 0 || 2*(*duck) > c.Limits.DrainTimeout {
		v.add("limits.lame_duck", duck.D().String(), "0s to half of limits.drain_timeout")
	}
	between(v, "hold.max_requests", c.Hold.MaxRequests, 1, 10_000_000)
	if c.Hold.TenantRequests > c.Hold.MaxRequests || c.Hold.TenantRequests < 1 {
		v.say("hold.tenant_requests = %d, must be in [1, hold.max_requests = %d]", c.Hold.TenantRequests, c.Hold.MaxRequests)
	}
	if c.Hold.TenantBytes > c.Hold.MaxBytes || c.Hold.TenantBytes < c.Limits.MaxBody {
		v.say("hold.tenant_bytes = %d, must be in [limits.max_body = %d, hold.max_bytes = %d]: one body must fit", c.Hold.TenantBytes, c.Limits.MaxBody, c.Hold.MaxBytes)
	}
	between(v, "hold.credit", *c.Hold.Credit, 0, 10_000)
	between(v, "cache.max_bytes", c.Cache.MaxBytes, 1<<20, 1<<40)
	between(v, "cache.tenant_bytes", c.Cache.TenantBytes, 1<<10, c.Cache.MaxBytes)
}

func (c Config) validateTiers(v *faults) {
	for name, t := range c.Tiers {
		at := "tiers." + name
		if !tierShape.MatchString(name) {
			v.add(at, name, "lower-case letters and digits")
		}
		between(v, at+".requests_per_minute", t.RequestsPerMinute, 1, 100_000_000)
		between(v, at+".burst", t.Burst, 1, 100_000_000)
		least, dearest, most := c.BurstRange(t.RequestsPerMinute)
		if t.Burst < least {
			v.say("%s.burst = %d, must be at least %d, the cost of %s, or that route could never be called", at, t.Burst, least, dearest)
		}
		if t.Burst > most && t.RequestsPerMinute > 0 {
			v.say("%s.burst = %d, must be at most %d, or it would take more than %d days to come back", at, t.Burst, most, maxRefillMinutes/60/24)
		}
		between(v, at+".concurrent", t.Concurrent, 1, 1_000_000)
		between(v, at+".max_body", t.MaxBody, 1<<10, c.Limits.MaxBody)
		between(v, at+".weight", t.Weight, 1, 10_000)
		if t.MonthQuota() < 0 {
			v.add(at+".monthly_units", t.MonthQuota(), "0 (no quota) or more")
		}
	}
}

func (c Config) validateRoutes(v *faults) {
	seen := map[string]bool{}
	for i, r := range c.Routes {
		at := fmt.Sprintf("routes[%d] (%s %s)", i, r.Method, r.Path)
		if !slices.Contains(allMethods, r.Method) {
			v.add(at+".method", r.Method, "one of "+strings.Join(allMethods, ", "))
		}
		if !pathShape.MatchString(r.Path) {
			v.add(at+".path", r.Path, "a lower-case path such as /predict/churn or /models/{name}/promote")
		}
		if first, _, _ := strings.Cut(strings.TrimPrefix(r.Path, "/"), "/"); slices.Contains(reserved, first) {
			v.say("%s.path: /%s belongs to the gateway itself", at, first)
		}
		if seen[r.Method+" "+r.Path] {
			v.say("%s stands twice", at)
		}
		seen[r.Method+" "+r.Path] = true
		if !nameShape.MatchString(r.Service) {
			v.add(at+".service", r.Service, "the name of a worker's service")
		}
		between(v, at+".units", r.Units, 1, 1_000_000)
		c.validateSplit(v, at, r)
		switch {
		case r.Cache.TTL < 0 || r.Cache.TTL.D() > 24*time.Hour:
			v.add(at+".cache.ttl", r.Cache.TTL.D().String(), "0 (keep none) or a duration up to 24h")
		case r.Cache.TTL > 0 && (!r.Idempotent || r.Async):
			v.say("%s.cache.ttl: only a route that is idempotent and not async can be answered from memory", at)
		case r.Cache.TTL == 0 && r.Cache.Versioned:
			v.say("%s.cache.versioned says nothing without cache.ttl", at)
		}
		if r.Timeout <= 0 {
			v.add(at+".timeout", r.Timeout.D().String(), "a positive duration such as 120s")
		}
	}
}

// reserved are the first path elements that no worker may answer.
var reserved = []string{"internal", "admin", "health", "metrics", "docs", "openapi.json", "usage", "jobs", "webhooks"}

func redact(raw string) string {
	if u, err := url.Parse(raw); err == nil {
		return u.Redacted()
	}
	return "(unreadable)"
}

type faults struct{ errs []error }

func (v *faults) say(format string, args ...any) {
	v.errs = append(v.errs, fmt.Errorf(format, args...))
}

func (v *faults) add(key string, value any, want string) { v.say("%s = %v, want %s", key, value, want) }

func (v *faults) oneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		v.add(key, fmt.Sprintf("%q", value), "one of "+strings.Join(allowed, ", "))
	}
}

func between[T int | int64](v *faults, key string, value, low, high T) {
	if value < low || value > high {
		v.say("%s = %d, must be in [%d, %d]", key, value, low, high)
	}
}
