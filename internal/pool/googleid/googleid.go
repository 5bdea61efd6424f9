// Package googleid gets ID tokens of the service account a program runs as
// from Google Cloud's metadata server, and keeps them as long as they are good.
package googleid

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	defaultHost = "metadata.google.internal"
	path        = "/computeMetadata/v1/instance/service-accounts/default/identity"
	// A token is renewed from renewBefore its end on, and no longer used
	// lastBefore it: the worker's clock may differ a little.
	renewBefore = 5 * time.Minute
	lastBefore  = 30 * time.Second
	// pauseAfter is how long after a failed renewal the next is tried.
	pauseAfter = 2 * time.Second
	// patience is what one call to the metadata server may take.
	patience = 5 * time.Second
	maxToken = 16 << 10
)

// Source gets tokens for one audience. Safe for concurrent use.
type Source struct {
	address string
	client  *http.Client
	now     func() time.Time

	mu      sync.Mutex
	token   string
	expires time.Time
	failed  time.Time // when a renewal last failed
	failure error
	busy    *request // under way; nil for none
}

// request is one call to the metadata server, for all who wait for it.
type request struct {
	done chan struct{}
	err  error
}

// New makes a source of tokens for an audience, usually the worker's URL. The
// metadata server's host is that of GCE_METADATA_HOST, if set.
func New(audience string, getenv func(string) string, now func() time.Time) *Source {
	host := getenv("GCE_METADATA_HOST")
	if host == "" {
		host = defaultHost
	}
	query := url.Values{"audience": {audience}, "format": {"full"}}
	return &Source{
		now:     now,
		address: "http://" + host + path + "?" + query.Encode(),
		// No proxy: the server is on this very machine, and the token a secret.
		client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}},
	}
}

// Authorize puts a token into the header, under both names that Cloud Run
// looks at: it checks X-Serverless-Authorization and takes its signature away,
// and leaves Authorization as it is for the worker to check itself. It waits
// for the metadata server only when there is no token at hand.
func (s *Source) Authorize(ctx context.Context, header http.Header) error {
	token, err := s.Token(ctx)
	if err != nil {
		return err
	}
	value := []string{"Bearer " + token}
	header["Authorization"], header["X-Serverless-Authorization"] = value, value
	return nil
}

// Token returns a token that is good for a while. One that is about to end is
// renewed in the background.
func (s *Source) Token(ctx context.Context) (string, error) {
	for {
		s.mu.Lock()
		now := s.now()
		left := s.expires.Sub(now)
		good := s.token != "" && left > lastBefore
		rested := s.failure == nil || now.Sub(s.failed) >= pauseAfter
		if s.busy == nil && left <= renewBefore && rested {
			s.busy = &request{done: make(chan struct{})}
			go s.renew(context.WithoutCancel(ctx), s.busy)
		}
		token, busy, failure := s.token, s.busy, s.failure
		s.mu.Unlock()
		switch {
		case good:
			return token, nil
		case busy == nil:
			return "", failure // of a moment ago
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-busy.done:
			if busy.err != nil {
				return "", busy.err
			}
		}
	}
}

// renew fetches a token for all who want one.
func (s *Source) renew(ctx context.Context, r *request) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	token, expires, err := s.fetch(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && expires.Sub(s.now()) <= lastBefore {
		err = errors.New("the metadata server gave an ID token that has ended already")
	}
	if s.failure = err; err != nil {
		s.failed, r.err = s.now(), err
	} else {
		s.token, s.expires = token, expires
	}
	s.busy = nil
	close(r.done)
}

func (s *Source) fetch(ctx context.Context) (token string, expires time.Time, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.address, http.NoBody)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("the metadata server's host: %w", err)
	}
	req.Header.Set("Metadata-Flavor", "Google")
	res, err := s.client.Do(req)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("asking the metadata server for an ID token (does this run on Google Cloud?): %w", err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxToken))
	switch {
	case err != nil:
		return "", time.Time{}, fmt.Errorf("reading the ID token: %w", err)
	case res.StatusCode != http.StatusOK:
		return "", time.Time{}, fmt.Errorf("the metadata server answers %d to the question for an ID token", res.StatusCode)
	case res.Header.Get("Metadata-Flavor") != "Google":
		return "", time.Time{}, errors.New("what answers at the metadata server's address is not one")
	}
	token = strings.TrimSpace(string(raw))
	expires, err = expiry(token)
	return token, expires, err
}

// expiry reads when a token ends. The signature is the worker's to check.
func expiry(token string) (time.Time, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return time.Time{}, errors.New("the metadata server's answer is not a token")
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return time.Time{}, errors.New("the ID token's claims cannot be read")
	}
	var claims struct {
		Exp float64 `json:"exp"`
	}
	if err := json.Unmarshal(raw, &claims); err != nil || !(claims.Exp > 0 && claims.Exp < 1e11) {
		return time.Time{}, errors.New("the ID token does not say when it ends")
	}
	return time.Unix(int64(claims.Exp), 0), nil
}
