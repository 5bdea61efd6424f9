package config

import (
	"net/url"
	"path/filepath"
	"time"
)

// Kinds of key store.
const (
	KeyStoreSQLite   = "sqlite"
	KeyStoreFile     = "file"
	KeyStorePostgres = "postgres"
)

func (k Keys) withDefaults(dataDir string) Keys {
	if k.URL != "" {
		or(&k.Store, KeyStorePostgres)
	}
	or(&k.Store, KeyStoreSQLite)
	switch k.Store {
	case KeyStoreSQLite:
		or(&k.Path, filepath.Join(dataDir, "keys.db"))
	case KeyStoreFile:
		or(&k.Path, filepath.Join(dataDir, "keys.json"))
	}
	or(&k.MaxStale, Duration(5*time.Minute))
	return k
}

func (k Keys) validate(v *faults) {
	v.oneOf("keys.store", k.Store, KeyStoreSQLite, KeyStoreFile, KeyStorePostgres)
	if d := k.MaxStale.D(); d < time.Second || d > 24*time.Hour {
		v.add("keys.max_stale", d.String(), "a duration from 1s to 24h")
	}
	switch {
	case k.Store != KeyStorePostgres && k.URL != "":
		v.say("keys.store = %s, but a URL is given (keys.url or OMNI_KEYS_URL); say store: postgres, or take the URL away", k.Store)
	case k.Store == KeyStorePostgres && k.URL == "":
		v.say("keys.store = postgres needs a URL: keys.url or OMNI_KEYS_URL")
	case k.Store == KeyStorePostgres && k.Path != "":
		v.say("keys.path = %s belongs to the file and SQLite stores; take it away with store: postgres", k.Path)
	case k.Store == KeyStorePostgres:
		// What is wrong with a URL is said without repeating it: it may hold a
		// password.
		u, err := url.Parse(k.URL)
		if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") || u.Hostname() == "" {
			v.say("keys.url (or OMNI_KEYS_URL) cannot be used; want postgres://user:password@host:5432/database?sslmode=verify-full")
		}
	}
}

// shownURL is the URL without user, password and options.
func (k Keys) shownURL() string {
	if k.URL == "" {
		return ""
	}
	u, err := url.Parse(k.URL)
	if err != nil {
		return "(set)"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
