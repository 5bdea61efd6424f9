package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// maxDocument bounds what is read of an issuer's document.
	maxDocument = 1 << 20
	// maxKeys bounds how many keys of an issuer are kept.
	maxKeys = 100
	// minRSA is the shortest RSA key that is believed.
	minRSA = 2048
	// fetchWithin bounds one look at the issuer, waitWithin how long a request
	// waits for it.
	fetchWithin, waitWithin = 10 * time.Second, 3 * time.Second
	// Pauses after a failure, doubled from one to the next.
	firstPause, lastPause = time.Second, time.Minute
)

// keySet is the issuer's public keys, fetched in the background.
type keySet struct {
	client   *http.Client
	issuer   string
	jwksURL  string
	refresh  time.Duration
	maxAge   time.Duration
	cooldown time.Duration
	now      func() time.Time
	log      *slog.Logger
	born     time.Time

	mu   sync.Mutex
	keys []jose.JSONWebKey
	// fetched is when the keys were last fetched, zero for never; asked is when
	// the issuer was last asked, whatever came of it.
	fetched, asked time.Time
	// underWay is closed at the end of the look at the issuer that is under way.
	underWay chan struct{}

	failures atomic.Uint64
	wanted   chan struct{}
	cancel   context.CancelFunc
	done     chan struct{}
}

func newKeySet(ctx context.Context, o Options) *keySet {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &keySet{
		client: &http.Client{Transport: o.Transport, CheckRedirect: stayTrue},
		issuer: o.Config.Issuer, jwksURL: o.Config.JWKSURL, refresh: o.Config.JWKSRefresh.D(), maxAge: o.Config.JWKSMaxAge.D(),
		cooldown: o.Cooldown, now: o.Now, log: o.Log, born: o.Now(),
		wanted: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{}),
	}
	s.beginLocked() // nobody else knows s yet
	go s.run(ctx)
	return s
}

func (s *keySet) close() {
	s.cancel()
	<-s.done
	s.client.CloseIdleConnections()
}

// stayTrue refuses to be led away from TLS.
func stayTrue(r *http.Request, via []*http.Request) error {
	if len(via) >= 5 {
		return errors.New("too many redirections")
	}
	if via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
		return errors.New("a redirection leads away from https")
	}
	return nil
}

// state says how many keys there are and how old they are.
func (s *keySet) state() (keys int, age time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	since := s.fetched
	if since.IsZero() {
		since = s.born
	}
	return len(s.keys), s.now().Sub(since)
}

// find returns the keys that may have made a signature. For one that is not
// known the issuer is asked, but not again and again.
func (s *keySet) find(ctx context.Context, id, algorithm string) ([]jose.JSONWebKey, error) {
	found, fresh := s.lookup(id, algorithm)
	if fresh && len(found) > 0 {
		return found, nil
	}
	s.ask(ctx)
	found, fresh = s.lookup(id, algorithm)
	switch {
	case !fresh:
		return nil, ErrNoKeys
	case len(found) == 0:
		return nil, ErrSignature
	}
	return found, nil
}

// lookup finds keys in memory. fresh says that they may be trusted still. A
// token that names no key fits only if there is no choice, so that a stranger
// cannot make us try them all.
func (s *keySet) lookup(id, algorithm string) (found []jose.JSONWebKey, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.keys {
		if k := &s.keys[i]; (id == "" || k.KeyID == id) && fits(k, algorithm) {
			found = append(found, *k)
		}
	}
	if id == "" && len(found) > 1 {
		found = nil
	}
	return found, !s.fetched.IsZero() && s.now().Sub(s.fetched) <= s.maxAge
}

// ask has the issuer looked at and waits for the end of that. It returns at
// once if the issuer was asked a moment ago.
func (s *keySet) ask(ctx context.Context) {
	s.mu.Lock()
	ended := s.underWay
	if ended == nil {
		if since := s.now().Sub(s.asked); since >= 0 && since < s.cooldown {
			s.mu.Unlock()
			return
		}
		ended = s.beginLocked()
		s.wanted <- struct{}{} // there is room: nothing is under way
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, waitWithin)
	defer cancel()
	select {
	case <-ended:
	case <-ctx.Done():
	case <-s.done:
	}
}

func (s *keySet) beginLocked() chan struct{} {
	s.underWay, s.asked = make(chan struct{}), s.now()
	return s.underWay
}

// run looks at the issuer at once, then every refresh, after a failure sooner,
// and when somebody waits for a key.
func (s *keySet) run(ctx context.Context) {
	defer close(s.done)
	pause, failing := firstPause, false
	for {
		err := s.fetch(ctx)
		if ctx.Err() != nil {
			return
		}
		next := s.refresh - rand.N(s.refresh/10+1) // a thousand gateways do not ask at once
		if err != nil {
			s.failures.Add(1)
			if !failing {
				s.log.Error("the token issuer's keys cannot be fetched; the last ones stay in force", slog.Any("error", err))
			}
			next = min(pause, next)
			pause, failing = min(2*pause, lastPause), true
		} else {
			if failing {
				s.log.Info("the token issuer is well again")
			}
			pause, failing = firstPause, false
		}
		s.end()
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
			s.beginUnasked()
		case <-s.wanted:
			timer.Stop()
		}
	}
}

// beginUnasked begins a look that nobody waits for yet. Somebody may have asked
// at the same moment; then it is theirs.
func (s *keySet) beginUnasked() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.underWay == nil {
		s.beginLocked()
		return
	}
	<-s.wanted // sent before the lock was let go
}

func (s *keySet) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.underWay)
	s.underWay = nil
}

// fetch finds out where the keys are, gets them, and puts them in force. An
// answer without a usable key changes nothing.
func (s *keySet) fetch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, fetchWithin)
	defer cancel()
	from := s.jwksURL
	if from == "" {
		var err error
		if from, err = s.discover(ctx); err != nil {
			return err
		}
	}
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := s.get(ctx, from, &document); err != nil {
		return fmt.Errorf("the issuer's keys: %w", err)
	}
	keys := usable(document.Keys)
	if len(keys) == 0 {
		return errors.New("the issuer's keys: none of them can be used")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys, s.fetched = keys, s.now()
	return nil
}

// discover reads where the issuer's keys are (OpenID Connect Discovery 1.0).
func (s *keySet) discover(ctx context.Context) (string, error) {
	var document struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := s.get(ctx, strings.TrimSuffix(s.issuer, "/")+"/.well-known/openid-configuration", &document); err != nil {
		return "", fmt.Errorf("discovery: %w", err)
	}
	if document.Issuer != s.issuer {
		return "", fmt.Errorf("discovery: the issuer calls itself %.200q, the configuration %q", document.Issuer, s.issuer)
	}
	at, err := url.Parse(document.JWKSURI)
	if err != nil || at.Host == "" || (at.Scheme != "https" && (at.Scheme != "http" || !strings.HasPrefix(s.issuer, "http:"))) {
		return "", errors.New("discovery: jwks_uri is not an address over https")
	}
	return document.JWKSURI, nil
}

func (s *keySet) get(ctx context.Context, from string, into any) (err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	answer, err := s.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", from, answer.Status)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxDocument+1))
	if err != nil {
		return fmt.Errorf("GET %s: %w", from, err)
	}
	if len(body) > maxDocument {
		return fmt.Errorf("GET %s: the answer has more than %d bytes", from, maxDocument)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("GET %s: not the JSON that was expected", from)
	}
	return nil
}

// usable picks the public keys that are strong enough; what else the set holds
// (keys of kinds unknown here, shared secrets) is passed over.
func usable(list []json.RawMessage) (out []jose.JSONWebKey) {
	for _, raw := range list {
		var k jose.JSONWebKey
		if json.Unmarshal(raw, &k) != nil || !k.Valid() || len(out) == maxKeys {
			continue
		}
		switch key := k.Key.(type) {
		case *rsa.PublicKey:
			if key.N.BitLen() < minRSA {
				continue
			}
		case *ecdsa.PublicKey, ed25519.PublicKey:
		default:
			continue
		}
		out = append(out, k)
	}
	return out
}
