package authn

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/omni-run/omni/api"
)

// Tenant is a customer. All keys of a tenant share its tier and its limits.
type Tenant struct {
	ID        string    `json:"id"`
	Name      string    `json:"name,omitempty"`
	Tier      string    `json:"tier"`
	CreatedAt time.Time `json:"created_at"`
	// DisabledAt, when set, refuses every key of the tenant.
	DisabledAt *time.Time `json:"disabled_at,omitempty"`
	// Limits are the tenant's own, in place of its tier's. What they point to
	// is never changed.
	Limits api.TenantLimits `json:"limits,omitzero"`
}

// Key is the stored half of a credential: everything but the secret.
type Key struct {
	ID     string `json:"id"`
	Tenant string `json:"tenant"`
	// Tier is the tier written into the key's text when it was issued. It
	// grants nothing: the tenant's tier rules.
	Tier   string   `json:"tier"`
	Name   string   `json:"name,omitempty"`
	Scopes []string `json:"scopes"`
	// Allow, when not empty, lists the networks from which alone the key may be
	// used.
	Allow     []netip.Prefix `json:"allow,omitempty"`
	Hash      Hash           `json:"sha256"`
	CreatedAt time.Time      `json:"created_at"`
	ExpiresAt *time.Time     `json:"expires_at,omitempty"`
	RevokedAt *time.Time     `json:"revoked_at,omitempty"`
	// RotatedFrom and RotatedTo link the two keys of a rotation.
	RotatedFrom string `json:"rotated_from,omitempty"`
	RotatedTo   string `json:"rotated_to,omitempty"`
}

// Snapshot is the whole content of a store at one moment.
type Snapshot struct {
	// Version is the store's token for this content, opaque to everybody else.
	Version string
	// Tenants and Keys are sorted by id.
	Tenants []Tenant
	Keys    []Key
}

// Store keeps tenants and keys. Implementations are safe for concurrent use
// and for several processes on the same data; storetest is their contract.
type Store interface {
	// Poll returns the content, or nil if it is still the one called known.
	// A store that reads everything anew now and then may return the same
	// content again. An unchanged store on this machine must answer in well
	// under a millisecond, and one elsewhere in one round trip.
	Poll(ctx context.Context, known string) (*Snapshot, error)
	// PutTenant stores a new tenant: ErrExists if the id is taken.
	PutTenant(ctx context.Context, t Tenant) error
	// UpdateTenant reads, changes and writes one tenant in one step:
	// ErrNotFound if there is none. A change that fails stores nothing.
	UpdateTenant(ctx context.Context, id string, change func(*Tenant) error) (Tenant, error)
	// PutKey stores a new key: ErrExists if the id is taken, ErrNotFound if
	// its tenant does not exist.
	PutKey(ctx context.Context, k Key) error
	// UpdateKey reads, changes and writes one key in one step, and stores add
	// (when not nil) in the same one. ErrNotFound, ErrExists as above.
	UpdateKey(ctx context.Context, id string, change func(*Key) (add *Key, err error)) (Key, error)
	// Close releases what the store holds.
	Close() error
}

// Watcher is a Store that notices changes by itself, so that nobody has to
// wait for the next poll.
type Watcher interface {
	// Changes holds a value after a change, or after it became uncertain
	// whether there was one. It may be nil.
	Changes() <-chan struct{}
}

// What a store can answer besides success.
var (
	ErrExists   = errors.New("authn: the id is taken")
	ErrNotFound = errors.New("authn: no such row")
	// ErrReadOnly says that the store can be read but not written, such as a
	// file mounted from a secret manager.
	ErrReadOnly = errors.New("authn: the key store is read-only")
	// ErrAway says that the store could not be reached, or broke off: time may
	// cure it, and whether a change was stored is not known.
	ErrAway = errors.New("authn: the key store is out of reach")
	// ErrContent says that the store was reached and holds something that is
	// not a set of keys. Unlike an outage it is cured only by an operator.
	ErrContent = errors.New("authn: the key store's content is not valid")
)

// Scopes are the rights a key can bear; "*" is all of them. A route belongs to
// exactly one scope.
var scopes = []string{
	"*", "agents", "agi", "anomaly", "jobs", "models", "predict",
	"recommend", "sentiment", "swarm", "usage", "vectors",
}

// Scopes returns the scopes a key can bear, sorted.
func Scopes() []string { return slices.Clone(scopes) }

// Limits on what a row holds.
const (
	maxNameLength   = 100
	maxTenantLength = 64
)

// Validate reports what makes t unfit to be stored.
func (t *Tenant) Validate() error {
	switch {
	case !ValidTenantID(t.ID):
		return fmt.Errorf("tenant id %.70q: use 1 to %d of a-z, 0-9, \".\", \"_\" and \"-\", beginning with a letter or digit", t.ID, maxTenantLength)
	case ReservedTenant(t.ID):
		return fmt.Errorf("tenant id %q is reserved", t.ID)
	case !ValidTier(t.Tier):
		return fmt.Errorf("tenant %s: tier %.70q is not a tier name", t.ID, t.Tier)
	case !validName(t.Name):
		return fmt.Errorf("tenant %s: the name has more than %d characters or unprintable ones", t.ID, maxNameLength)
	}
	if err := validLimits(&t.Limits); err != nil {
		return fmt.Errorf("tenant %s: %w", t.ID, err)
	}
	return nil
}

// Validate reports what makes k unfit to be stored.
func (k *Key) Validate() error {
	switch {
	case !validKeyID(k.ID):
		// The text is not repeated: it may be a whole key put in the wrong field.
		return fmt.Errorf("a key id has %d letters and digits", idLength)
	case !ValidTenantID(k.Tenant):
		return fmt.Errorf("key %s: tenant %.70q is not a tenant id", k.ID, k.Tenant)
	case !ValidTier(k.Tier):
		return fmt.Errorf("key %s: tier %.70q is not a tier name", k.ID, k.Tier)
	case !validName(k.Name):
		return fmt.Errorf("key %s: the name has more than %d characters or unprintable ones", k.ID, maxNameLength)
	case k.Hash == Hash{}:
		return fmt.Errorf("key %s has no hash", k.ID)
	case k.RotatedFrom != "" && !validKeyID(k.RotatedFrom), k.RotatedTo != "" && !validKeyID(k.RotatedTo):
		return fmt.Errorf("key %s: rotated_from and rotated_to are key ids", k.ID)
	}
	if err := errors.Join(validScopes(k.Scopes), validNetworks(k.Allow)); err != nil {
		return fmt.Errorf("key %s: %w", k.ID, err)
	}
	return nil
}

func validScopes(list []string) error {
	if len(list) == 0 {
		return errors.New("scopes is empty; [\"*\"] grants every scope")
	}
	for i, s := range list {
		if !slices.Contains(scopes, s) {
			return fmt.Errorf("scopes[%d] %.40q is not a scope", i, s)
		}
		if slices.Contains(list[:i], s) {
			return fmt.Errorf("scopes[%d] %q is there twice", i, s)
		}
	}
	return nil
}

// ValidTenantID reports whether s can name a tenant.
func ValidTenantID(s string) bool {
	if s == "" || len(s) > maxTenantLength {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return true
}

func validName(s string) bool {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxNameLength {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
