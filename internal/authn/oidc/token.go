package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/omni-run/omni/internal/authn"
)

// judge checks a token and says who presents it.
func (a *Authenticator) judge(ctx context.Context, presented string) (authn.Principal, error) {
	if len(presented) > maxToken {
		return authn.Principal{}, ErrMalformed
	}
	// The algorithms are fixed here, never taken from the token alone; what else
	// its head says of keys (jwk, jku, x5u, x5c) is not looked at.
	token, err := jwt.ParseSigned(presented, a.algorithms)
	if err != nil || len(token.Headers) != 1 {
		return authn.Principal{}, ErrMalformed
	}
	c, err := a.verify(ctx, token)
	if err != nil {
		return authn.Principal{}, err
	}
	if err := a.check(c); err != nil {
		return authn.Principal{}, err
	}
	return a.principal(ctx, c)
}

// verify returns the claims once a key of the issuer has confirmed them.
func (a *Authenticator) verify(ctx context.Context, token *jwt.JSONWebToken) (*claims, error) {
	head := token.Headers[0]
	keys, err := a.set.find(ctx, head.KeyID, head.Algorithm)
	if err != nil {
		return nil, err
	}
	for i := range keys {
		if token.Claims(keys[i].Key) != nil {
			continue
		}
		// Verified just now. The library's decoder, unlike the standard one, tells
		// "exp" from "EXP" and refuses a claim that is there twice.
		c := &claims{}
		if token.UnsafeClaimsWithoutVerification(&c.Claims, &c.all) != nil {
			return nil, ErrClaims
		}
		return c, nil
	}
	return nil, ErrSignature
}

// claims are what a token says, all of it and the registered ones.
type claims struct {
	jwt.Claims
	all map[string]any
}

// check looks whether the claims fit this gateway and this moment.
func (a *Authenticator) check(c *claims) error {
	// A token without an end would be valid for ever.
	if c.Expiry == nil {
		return ErrClaims
	}
	err := c.ValidateWithLeeway(jwt.Expected{Issuer: a.c.Issuer, AnyAudience: a.c.Audience, Time: a.now()}, a.c.ClockSkew.D())
	switch {
	case errors.Is(err, jwt.ErrExpired):
		return ErrExpired
	case err != nil:
		return ErrClaims
	}
	return nil
}

// principal turns claims into a caller. A tenant of the key store has the tier
// and the state it has there, whatever the token says.
func (a *Authenticator) principal(ctx context.Context, c *claims) (authn.Principal, error) {
	p := authn.Principal{KeyID: subjectID(c), Scopes: a.scopes(c)}
	p.Tenant, _ = c.find(a.c.TenantClaim).(string)
	if !authn.ValidTenantID(p.Tenant) || authn.ReservedTenant(p.Tenant) {
		return authn.Principal{}, ErrTenant
	}
	tier, limits, err := a.keys.Tenant(ctx, p.Tenant)
	switch {
	case err == nil:
		p.Tier, p.Limits = tier, limits
	case errors.Is(err, authn.ErrUnknown) && a.c.AutoTenant:
		p.Tier = a.tier(c)
	case errors.Is(err, authn.ErrUnknown), errors.Is(err, authn.ErrDisabled):
		return authn.Principal{}, fmt.Errorf("%w: %w", ErrTenant, err)
	default:
		return authn.Principal{}, err
	}
	return p, nil
}

// tier is that of a tenant which the key store does not hold.
func (a *Authenticator) tier(c *claims) string {
	if tier, _ := c.find(a.c.TierClaim).(string); authn.ValidTier(tier) {
		return tier
	}
	return a.c.Tier
}

// scopes are those of the configuration, or those that the token bears and we
// know.
func (a *Authenticator) scopes(c *claims) []string {
	if a.c.ScopesClaim == "" {
		return a.c.Scopes
	}
	var words []string
	switch v := c.find(a.c.ScopesClaim).(type) {
	case string:
		words = strings.Fields(v)
	case []any:
		for _, item := range v {
			if word, ok := item.(string); ok {
				words = append(words, word)
			}
		}
	}
	var out []string
	for _, s := range authn.Scopes() {
		if slices.Contains(words, a.c.ScopePrefix+s) {
			out = append(out, s)
		}
	}
	return out
}

// find returns a claim by its name, or by the path that the name describes.
func (c *claims) find(name string) any {
	if v, ok := c.all[name]; ok || name == "" {
		return v
	}
	var at any = c.all
	for step := range strings.SplitSeq(name, ".") {
		object, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = object[step]
	}
	return at
}

// subjectID stands for the subject in logs and in the ledger: the same for the
// same subject, without naming it, for it may be a person's e-mail address.
func subjectID(c *claims) string {
	if c.Subject == "" {
		return "oidc"
	}
	sum := sha256.Sum256([]byte(c.Issuer + "\x00" + c.Subject))
	return "oidc-" + hex.EncodeToString(sum[:6])
}

// fits reports whether a key may confirm a signature of the algorithm.
func fits(k *jose.JSONWebKey, algorithm string) bool {
	return (k.Use == "" || k.Use == "sig") && (k.Algorithm == "" || k.Algorithm == algorithm)
}
