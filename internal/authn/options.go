package authn

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Options says how an [Authenticator] works.
type Options struct {
	// Store holds the tenants and keys. Required unless MasterKey or
	// Development leaves something to authenticate without one.
	Store Store
	// MasterKey, when set, is the key of the tenant "master", the only one for
	// /admin. 16 to 256 printable ASCII characters without spaces. It is often
	// written by a person, so make it long and random.
	MasterKey string
	// Development admits the three demo keys, which anybody can read in the
	// documentation. Default: they are refused like any unknown text.
	Development bool
	// Poll is how often the store is asked for changes. It bounds how long a
	// revoked key lives on. Default 250 ms; at most 500 ms.
	Poll time.Duration
	// Patience bounds one question to the store. Default 5 s.
	Patience time.Duration
	// StartWithout lets New succeed though the store is out of reach. Until it
	// is read for the first time callers get 503; the master key works.
	StartWithout bool
	// MaxStale is how long the last good content serves while the store is out
	// of reach; after that callers get 503. Content that was reached and is
	// not valid keeps the last good one for as long as it takes: only an
	// operator can cure it. Default 5 min.
	MaxStale time.Duration
	// Log receives changes, failures and refusals, never a secret. Required.
	Log *slog.Logger
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

const (
	minMasterKey = 16
	maxPoll      = 500 * time.Millisecond
)

func (o Options) withDefaults() Options {
	if o.Poll == 0 {
		o.Poll = 250 * time.Millisecond
	}
	if o.Patience == 0 {
		o.Patience = 5 * time.Second
	}
	if o.MaxStale == 0 {
		o.MaxStale = 5 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func (o *Options) validate() error {
	switch {
	case o.Store == nil && o.MasterKey == "" && !o.Development:
		return errors.New("authn: no key store, no master key and no development mode: nobody could call")
	case o.Log == nil:
		return errors.New("authn: Log is required")
	case o.Poll < 0 || o.Poll > maxPoll:
		return fmt.Errorf("authn: Poll = %v, must be in (0, %v], or revoked keys live too long", o.Poll, maxPoll)
	case o.Patience < 0:
		return fmt.Errorf("authn: Patience = %v, must be positive", o.Patience)
	case o.MaxStale < o.Poll:
		return fmt.Errorf("authn: MaxStale = %v, must be at least Poll (%v)", o.MaxStale, o.Poll)
	}
	return o.validateMaster()
}

// validateMaster never repeats the key in its error.
func (o *Options) validateMaster() error {
	if o.MasterKey == "" {
		return nil
	}
	if n := len(o.MasterKey); n < minMasterKey || n > maxPresented {
		return fmt.Errorf("authn: the master key has %d characters, must be in [%d, %d]", n, minMasterKey, maxPresented)
	}
	for i := range len(o.MasterKey) {
		if c := o.MasterKey[i]; c <= ' ' || c > '~' {
			return errors.New("authn: the master key holds a space or a character outside printable ASCII, which no header carries unharmed")
		}
	}
	for _, d := range demos {
		if o.MasterKey == d.key {
			return errors.New("authn: the master key is one of the published demo keys")
		}
	}
	return nil
}
