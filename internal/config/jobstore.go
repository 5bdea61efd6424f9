package config

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"
)

// Kinds of job store.
const (
	JobStoreSQLite   = "sqlite"
	JobStorePostgres = "postgres"
)

func (j Jobs) withDefaults() Jobs {
	if j.URL != "" {
		or(&j.Store, JobStorePostgres)
	}
	or(&j.Store, JobStoreSQLite)
	or(&j.Concurrent, 4)
	or(&j.Timeout, Duration(time.Hour))
	or(&j.Keep, Duration(24*time.Hour))
	or(&j.TenantPending, 100)
	or(&j.Lease, Duration(15*time.Second))
	return j
}

func (j Jobs) validate(v *faults) {
	v.oneOf("jobs.store", j.Store, JobStoreSQLite, JobStorePostgres)
	between(v, "jobs.concurrent", j.Concurrent, 1, 1024)
	between(v, "jobs.tenant_pending", j.TenantPending, 1, 1_000_000)
	if d := j.Lease.D(); d < 2*time.Second || d > 10*time.Minute {
		v.add("jobs.lease", d.String(), "a duration from 2s to 10m")
	}
	switch {
	case j.Store == JobStoreSQLite && j.URL != "":
		v.say("jobs.store = sqlite, but a URL is given (jobs.url or OMNI_JOBS_URL); say store: postgres, or take the URL away")
	case j.Store == JobStorePostgres && j.URL == "":
		v.say("jobs.store = postgres needs a URL: jobs.url or OMNI_JOBS_URL")
	case j.Store == JobStorePostgres && !usableDatabase(j.URL):
		v.say("jobs.url (or OMNI_JOBS_URL) cannot be used; want postgres://user:password@host:5432/database?sslmode=verify-full")
	}
}

// usableDatabase reports whether a URL leads to a PostgreSQL database. What is
// wrong with it is said without repeating it: it may hold a password.
func usableDatabase(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") && u.Hostname() != ""
}

// shownURL is a database's URL without user, password and options.
func shownURL(raw string) string {
	if raw == "" {
		return ""
	}
	u, err := url.Parse(raw)
	if err != nil {
		return "(set)"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// Webhooks says where messages about jobs may go.
type Webhooks struct {
	// AllowNetworks may be sent to though they are not public, as CIDR; default
	// none, in development mode this machine.
	AllowNetworks []string `yaml:"allow_networks"`
	// AllowHTTP takes endpoints without TLS; default false, in development mode
	// true.
	AllowHTTP *bool `yaml:"allow_http"`
	// Timeout of one attempt; default 15 s.
	Timeout Duration `yaml:"timeout"`
	// DisableAfter is how long every delivery must have failed until an
	// endpoint is given up; default 120 h.
	DisableAfter Duration `yaml:"disable_after"`
	// PerTenant is how many endpoints one tenant may have; default 10.
	PerTenant int `yaml:"per_tenant"`
	// KeyFile holds the key, 32 bytes in base64, that encrypts the endpoints'
	// secrets in the store. The environment variable OMNI_WEBHOOK_KEY holds it
	// where no file is named. Without a key they stand there in plain text.
	KeyFile string `yaml:"key_file"`

	// Key is read from KeyFile or the environment.
	Key []byte `yaml:"-"`
}

func (w Webhooks) withDefaults(mode string) Webhooks {
	development := mode == ModeDevelopment
	if w.AllowNetworks == nil {
		w.AllowNetworks = []string{}
		if development {
			w.AllowNetworks = []string{"127.0.0.0/8", "::1/128"}
		}
	}
	if w.AllowHTTP == nil {
		w.AllowHTTP = &development
	}
	or(&w.Timeout, Duration(15*time.Second))
	or(&w.DisableAfter, Duration(120*time.Hour))
	or(&w.PerTenant, 10)
	return w
}

func (w Webhooks) validate(v *faults) {
	for i, cidr := range w.AllowNetworks {
		if _, err := netip.ParsePrefix(cidr); err != nil {
			v.add(fmt.Sprintf("webhooks.allow_networks[%d]", i), cidr, "a network such as 10.0.0.0/8")
		}
	}
	if d := w.Timeout.D(); d < time.Second || d > time.Minute {
		v.add("webhooks.timeout", d.String(), "a duration from 1s to 1m")
	}
	if d := w.DisableAfter.D(); d < time.Minute {
		v.add("webhooks.disable_after", d.String(), "a duration of at least 1m")
	}
	between(v, "webhooks.per_tenant", w.PerTenant, 1, 1000)
}

// readKey takes the key from the file, or else from the text.
func (w *Webhooks) readKey(text string) error {
	from := "OMNI_WEBHOOK_KEY"
	if w.KeyFile != "" {
		from = "webhooks.key_file"
		raw, err := os.ReadFile(w.KeyFile)
		if err != nil {
			return fmt.Errorf("webhooks.key_file: %w", err)
		}
		text = string(raw)
	}
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != 32 {
		return fmt.Errorf("%s must hold 32 bytes in base64, such as from: openssl rand -base64 32", from)
	}
	w.Key = key
	return nil
}
