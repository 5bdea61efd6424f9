package authn

import (
	"errors"
	"net/http"
	"time"

	"github.com/omni-run/omni/api"
)

// Why a credential was refused. The caller learns none of this: every reason
// is answered with the same 403, so that nobody can probe which ids exist. The
// log and the counters tell them apart.
var (
	ErrMalformed = errors.New("authn: not a key")
	ErrUnknown   = errors.New("authn: no such key")
	ErrRevoked   = errors.New("authn: the key is revoked")
	ErrExpired   = errors.New("authn: the key has expired")
	ErrDisabled  = errors.New("authn: the key's tenant is disabled")
	// ErrUnavailable is not the caller's fault: the store has been out of reach
	// for longer than its last content may be trusted. Answered with 503.
	ErrUnavailable = errors.New("authn: the key store has been out of reach for too long")
)

// refuse wraps the reason into what the caller is told.
func refuse(reason error) *api.Error {
	return api.NewError(http.StatusForbidden, "invalid_key", "the credential is not a key that is valid here").Because(reason)
}

func unavailable(cause error) *api.Error {
	e := api.NewError(http.StatusServiceUnavailable, "keys_unavailable", "keys cannot be checked at the moment; try again").
		Because(errors.Join(ErrUnavailable, cause))
	e.RetryAfter = 5 * time.Second
	return e
}

// InsufficientScope is the answer to a key that is valid but not for this
// route.
func InsufficientScope(scope string) *api.Error {
	return api.NewError(http.StatusForbidden, "insufficient_scope", "this key lacks the scope %q that the route needs", scope)
}

// MasterOnly is the answer to any key but the master key on /admin.
func MasterOnly() *api.Error {
	return api.NewError(http.StatusForbidden, "master_key_required", "this path is open to the master key only")
}
