package config

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kinds of limit store.
const (
	LimitStoreMemory = "memory"
	LimitStoreRedis  = "redis"
)

func (s LimitStore) withDefaults() LimitStore {
	if s.URL != "" {
		or(&s.Kind, LimitStoreRedis)
	}
	or(&s.Kind, LimitStoreMemory)
	or(&s.Prefix, "omni:limit:")
	or(&s.Timeout, Duration(50*time.Millisecond))
	or(&s.Gateways, 1)
	return s
}

// prefixShape keeps out braces, which choose the node in a cluster, and what
// cannot be typed.
var prefixShape = regexp.MustCompile(`^[A-Za-z0-9:._-]{1,64}$`)

func (s LimitStore) validate(v *faults) {
	v.oneOf("limit_store.kind", s.Kind, LimitStoreMemory, LimitStoreRedis)
	if !prefixShape.MatchString(s.Prefix) {
		v.add("limit_store.prefix", strconv.Quote(s.Prefix), "1 to 64 letters, digits and : . _ -")
	}
	if d := s.Timeout.D(); d < time.Millisecond || d > 5*time.Second {
		v.add("limit_store.timeout", d.String(), "a duration from 1ms to 5s")
	}
	between(v, "limit_store.gateways", s.Gateways, 1, 10_000)
	switch {
	case s.Kind == LimitStoreMemory && s.URL != "":
		v.say("limit_store.kind = memory, but a URL is given (limit_store.url or OMNI_REDIS_URL); say kind: redis, or take the URL away")
	case s.Kind == LimitStoreRedis && s.URL == "":
		v.say("limit_store.kind = redis needs a URL: limit_store.url or OMNI_REDIS_URL")
	case s.Kind == LimitStoreRedis:
		if fault := redisURLFault(s.URL); fault != "" {
			v.say("limit_store.url (or OMNI_REDIS_URL): %s; want redis://host:port/database, rediss:// for TLS, or unix:///path", fault)
		}
	}
}

// redisOptions are what may follow the question mark of a URL.
var redisOptions = []string{"addr", "db", "master_set", "protocol"}

// redisURLFault says what is wrong with a URL without repeating it, for it may
// hold a password; it returns "" for a good one.
func redisURLFault(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "it cannot be read"
	}
	database := strings.TrimPrefix(strings.TrimSuffix(u.Path, "/"), "/")
	switch u.Scheme {
	case "unix":
		if u.Path == "" || u.Host != "" {
			return "a unix socket needs three slashes and a path"
		}
		database = ""
	case "redis", "rediss", "valkey", "valkeys":
		if u.Hostname() == "" {
			return "the host is missing"
		}
	default:
		return "the scheme is not redis, rediss, valkey, valkeys or unix"
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "what follows the question mark cannot be read"
	}
	for name := range query {
		if !slices.Contains(redisOptions, name) {
			return "an option after the question mark is none of " + strings.Join(redisOptions, ", ")
		}
	}
	for _, number := range []string{database, query.Get("db")} {
		if n, err := strconv.Atoi(number); number != "" && (err != nil || n < 0) {
			return "the database is not a number"
		}
	}
	return ""
}

// shownURL is the URL without user, password and options.
func (s LimitStore) shownURL() string {
	if s.URL == "" {
		return ""
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return "(set)"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
