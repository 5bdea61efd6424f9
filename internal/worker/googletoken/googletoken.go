// Package googletoken checks the Google ID token by which a gateway shows a
// worker who it is.
package googletoken

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// Google's issuer and the keys it signs with.
const (
	Issuer  = "https://accounts.google.com"
	KeysURL = "https://www.googleapis.com/oauth2/v3/certs"
)

// ErrUntrusted is wrapped by every error of Verify: a token that cannot be
// checked, because the keys are out of reach, is not trusted either.
var ErrUntrusted = errors.New("untrusted ID token")

// Options say which tokens are good.
type Options struct {
	// Audience that the token must be made for, usually the worker's URL.
	Audience string
	// Accounts are the service accounts that may call, by email; at least one.
	Accounts []string
	// KeysURL of the signing keys; default Google's.
	KeysURL string
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// Verifier checks tokens. The signing keys are fetched when they are first
// needed, kept, and fetched anew when a token names one that is not known.
type Verifier struct {
	options  Options
	verifier *oidc.IDTokenVerifier
}

// New makes a verifier. ctx bounds the fetching of keys for the verifier's
// whole life.
func New(ctx context.Context, o Options) (*Verifier, error) {
	if o.Audience == "" || len(o.Accounts) == 0 {
		return nil, errors.New("a Google ID token is checked against an audience and the service accounts that may call: give both")
	}
	if o.KeysURL == "" {
		o.KeysURL = KeysURL
	}
	client := &http.Client{Timeout: 5 * time.Second}
	keys := oidc.NewRemoteKeySet(oidc.ClientContext(ctx, client), o.KeysURL)
	return &Verifier{options: o, verifier: oidc.NewVerifier(Issuer, keys, &oidc.Config{
		ClientID: o.Audience, SupportedSigningAlgs: []string{oidc.RS256}, Now: o.Now,
	})}, nil
}

// Verify checks the token of a request: signature, issuer, audience, time, and
// whose it is.
func (v *Verifier) Verify(ctx context.Context, header http.Header) error {
	scheme, raw, ok := strings.Cut(header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return fmt.Errorf("%w: none was sent", ErrUntrusted)
	}
	token, err := v.verifier.Verify(ctx, strings.TrimSpace(raw))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	var claims struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
	}
	if err := token.Claims(&claims); err != nil {
		return fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	if !claims.Verified || !slices.Contains(v.options.Accounts, claims.Email) {
		return fmt.Errorf("%w: the account %.100q may not call this worker", ErrUntrusted, claims.Email)
	}
	return nil
}
