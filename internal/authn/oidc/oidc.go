// Package oidc lets bearer tokens of an identity provider (OpenID Connect, JWT)
// in beside keys. A token must be signed by a key of the one configured issuer,
// with an algorithm from a short list, be meant for this gateway, and be valid
// at this moment; its claims say which tenant calls and what it may do.
//
// The issuer's keys are fetched in the background, so that neither a start nor
// a request waits for the issuer, save for a token whose key is not known yet.
// No token and no part of one is logged or repeated in an error.
package oidc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/config"
)

// maxToken bounds a token; those of the usual providers have one to three
// kilobytes.
const maxToken = 16 << 10

// Keys knows keys, and the tenants that they belong to.
// *authn.Authenticator does.
type Keys interface {
	Authenticate(ctx context.Context, presented string) (authn.Principal, error)
	// Tenant returns a tenant's tier and its own limits, which may be nil, and
	// authn.ErrUnknown or ErrDisabled. Any other error is an *api.Error for the caller.
	Tenant(ctx context.Context, id string) (tier string, limits *api.TenantLimits, err error)
}

// Options says how tokens are judged.
type Options struct {
	Config config.OIDC
	Keys   Keys
	Log    *slog.Logger
	// Transport reaches the issuer; default http.DefaultTransport.
	Transport http.RoundTripper
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Cooldown is how long an issuer is not asked again for a key it did not
	// have; default 5 s.
	Cooldown time.Duration
}

// Authenticator tells who presents a token or a key. Close ends its background
// work.
type Authenticator struct {
	keys       Keys
	c          config.OIDC
	algorithms []jose.SignatureAlgorithm
	now        func() time.Time
	set        *keySet
	counts     counters
}

// New begins to fetch the issuer's keys and waits for nothing.
func New(ctx context.Context, o Options) (*Authenticator, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Cooldown == 0 {
		o.Cooldown = 5 * time.Second
	}
	known := authn.Scopes()
	for i, s := range o.Config.Scopes {
		if !slices.Contains(known, s) {
			return nil, fmt.Errorf("oidc.scopes[%d] = %q is not one of %s", i, s, strings.Join(known, ", "))
		}
	}
	a := &Authenticator{keys: o.Keys, c: o.Config, now: o.Now}
	for _, name := range o.Config.Algorithms {
		a.algorithms = append(a.algorithms, jose.SignatureAlgorithm(name))
	}
	a.set = newKeySet(ctx, o)
	return a, nil
}

// Close ends the background work and waits for it.
func (a *Authenticator) Close() { a.set.close() }

// Why a token was refused; the counters tell them apart.
var (
	ErrMalformed = errors.New("oidc: not a token, or its signature is not of an algorithm that is let in")
	ErrSignature = errors.New("oidc: no key of the issuer made the signature")
	ErrClaims    = errors.New("oidc: issuer, audience or time do not fit")
	ErrExpired   = errors.New("oidc: the token has expired")
	ErrTenant    = errors.New("oidc: the tenant may not call here")
	// ErrNoKeys is not the caller's fault: the issuer has been out of reach for
	// too long.
	ErrNoKeys = errors.New("oidc: the issuer's keys are not known")
)

// Authenticate returns who presented a key or a token. The error, if any, is
// an *api.Error ready for the caller.
func (a *Authenticator) Authenticate(ctx context.Context, presented string) (authn.Principal, error) {
	if !isToken(presented) {
		return a.keys.Authenticate(ctx, presented)
	}
	p, reason := a.judge(ctx, presented)
	a.counts.count(reason)
	if reason == nil {
		return p, nil
	}
	return authn.Principal{}, answer(reason)
}

// isToken tells a token from a key: a JWT begins with an encoded "{" and has
// three parts, a key begins with "omni_".
func isToken(s string) bool {
	return strings.HasPrefix(s, "eyJ") && strings.Count(s, ".") == 2
}

// answer is what the caller is told. Only whoever holds a token that the issuer
// did sign learns more than that it is not valid.
func answer(reason error) error {
	var known *api.Error
	switch {
	case errors.As(reason, &known):
		return known
	case errors.Is(reason, ErrNoKeys):
		e := api.NewError(http.StatusServiceUnavailable, "keys_unavailable", "tokens cannot be checked at the moment; try again").Because(reason)
		e.RetryAfter = 5 * time.Second
		return e
	case errors.Is(reason, ErrExpired):
		return api.NewError(http.StatusForbidden, "token_expired", "the token has expired; get a new one from its issuer").Because(reason)
	case errors.Is(reason, ErrTenant):
		return api.NewError(http.StatusForbidden, "unknown_tenant", "the token does not name a tenant that may call here").Because(reason)
	}
	return api.NewError(http.StatusForbidden, "invalid_token", "the credential is not a token that is valid here").Because(reason)
}

// Stats is what the metrics page shows.
type Stats struct {
	// Accepted and refused tokens, by reason.
	Accepted, Malformed, Signature, Claims, Expired, Tenant, Unavailable uint64
	// Keys are the issuer's in memory; Age is the time since they were fetched,
	// or since the start. Fetches failed FetchErrors times.
	Keys        int
	Age         time.Duration
	FetchErrors uint64
}

type counters struct {
	accepted, malformed, signature, claims, expired, tenant, unavailable atomic.Uint64
}

func (c *counters) count(reason error) {
	switch {
	case reason == nil:
		c.accepted.Add(1)
	case errors.Is(reason, ErrMalformed):
		c.malformed.Add(1)
	case errors.Is(reason, ErrSignature):
		c.signature.Add(1)
	case errors.Is(reason, ErrClaims):
		c.claims.Add(1)
	case errors.Is(reason, ErrExpired):
		c.expired.Add(1)
	case errors.Is(reason, ErrTenant):
		c.tenant.Add(1)
	default:
		c.unavailable.Add(1)
	}
}

// Stats returns the counters as they stand.
func (a *Authenticator) Stats() Stats {
	c := &a.counts
	s := Stats{
		Accepted: c.accepted.Load(), Malformed: c.malformed.Load(), Signature: c.signature.Load(), Claims: c.claims.Load(),
		Expired: c.expired.Load(), Tenant: c.tenant.Load(), Unavailable: c.unavailable.Load(), FetchErrors: a.set.failures.Load(),
	}
	s.Keys, s.Age = a.set.state()
	return s
}
