package config

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// OIDC says whose bearer tokens (JWT) are let in beside keys. It is off without
// an issuer.
type OIDC struct {
	// Issuer is the identity provider, exactly as its tokens name it, such as
	// https://login.example.com/. Its keys are found by OpenID Connect discovery.
	Issuer string `yaml:"issuer"`
	// Audience lists the names under which tokens are meant for this gateway; a
	// token must bear one of them. Required with an issuer.
	Audience []string `yaml:"audience"`
	// JWKSURL is where the issuer's keys are, for one without discovery.
	JWKSURL string `yaml:"jwks_url"`
	// Algorithms that a signature may have; default RS256, ES256 and EdDSA.
	// Without a public key (none, HS256) there is nothing to choose.
	Algorithms []string `yaml:"algorithms"`
	// TenantClaim names the claim with the tenant's id; default "tenant". A dot
	// leads into an object, unless a claim has that whole name.
	TenantClaim string `yaml:"tenant_claim"`
	// AutoTenant admits tenants that the key store does not hold; default false.
	AutoTenant bool `yaml:"auto_tenant"`
	// Tier of tenants that the key store does not hold; default "free".
	Tier string `yaml:"tier"`
	// TierClaim names the claim with their tier; default none. A token without
	// it has Tier.
	TierClaim string `yaml:"tier_claim"`
	// Scopes of every token; default all. Not with ScopesClaim.
	Scopes []string `yaml:"scopes"`
	// ScopesClaim names the claim with the scopes, a list or words in a string,
	// such as "scope"; others than ours are ignored. Default none.
	ScopesClaim string `yaml:"scopes_claim"`
	// ScopePrefix is what the issuer writes before our scopes, such as "omni:";
	// default nothing.
	ScopePrefix string `yaml:"scope_prefix"`
	// ClockSkew is how far the issuer's clock may be off; default 30 s.
	ClockSkew Duration `yaml:"clock_skew"`
	// JWKSRefresh is how often the issuer's keys are fetched; default 15 min. An
	// unknown key is asked for at once.
	JWKSRefresh Duration `yaml:"jwks_refresh"`
	// JWKSMaxAge is how long the last keys serve while the issuer is out of
	// reach; default 24 h.
	JWKSMaxAge Duration `yaml:"jwks_max_age"`
}

// oidcAlgorithms are those with a public key.
var oidcAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

func (o OIDC) withDefaults() OIDC {
	if len(o.Algorithms) == 0 {
		o.Algorithms = []string{"RS256", "ES256", "EdDSA"}
	}
	or(&o.TenantClaim, "tenant")
	or(&o.Tier, "free")
	if len(o.Scopes) == 0 && o.ScopesClaim == "" {
		o.Scopes = []string{"*"}
	}
	or(&o.ClockSkew, Duration(30*time.Second))
	or(&o.JWKSRefresh, Duration(15*time.Minute))
	or(&o.JWKSMaxAge, Duration(24*time.Hour))
	return o
}

func (o OIDC) validate(v *faults) {
	if o.Issuer == "" {
		if len(o.Audience) > 0 || o.JWKSURL != "" {
			v.say("oidc.issuer is missing")
		}
		return
	}
	for key, text := range map[string]string{"oidc.issuer": o.Issuer, "oidc.jwks_url": o.JWKSURL} {
		if text != "" && !fetchable(text) {
			v.add(key, redact(text), "https://host/path, without credentials (http:// on loopback only)")
		}
	}
	if len(o.Audience) == 0 || slices.Contains(o.Audience, "") {
		v.say("oidc.audience is missing: without it the tokens that the issuer makes for others would be let in")
	}
	for i, a := range o.Algorithms {
		v.oneOf("oidc.algorithms["+strconv.Itoa(i)+"]", a, oidcAlgorithms...)
	}
	if o.ScopesClaim != "" && len(o.Scopes) > 0 {
		v.say("oidc.scopes and oidc.scopes_claim exclude each other")
	}
	if !tierShape.MatchString(o.Tier) {
		v.add("oidc.tier", strconv.Quote(o.Tier), "the name of a tier")
	}
	bounds := func(key string, d Duration, low, high time.Duration) {
		if d.D() < low || d.D() > high {
			v.add(key, d.D().String(), "a duration from "+low.String()+" to "+high.String())
		}
	}
	bounds("oidc.clock_skew", o.ClockSkew, 0, 5*time.Minute)
	bounds("oidc.jwks_refresh", o.JWKSRefresh, time.Second, 24*time.Hour)
	bounds("oidc.jwks_max_age", o.JWKSMaxAge, o.JWKSRefresh.D(), 30*24*time.Hour)
}

// fetchable reports whether keys may be fetched from there: over TLS, or from
// this very machine.
func fetchable(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || strings.ContainsAny(raw, " ") {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())
}
