package authn

import (
	"net/http"
	"strings"

	"github.com/omni-run/omni/api"
)

// Challenge is the WWW-Authenticate header that every 401 bears.
const Challenge = "Bearer"

// maxPresented bounds what is taken for a credential at all.
const maxPresented = 256

// Credential returns the one credential that the headers carry, in X-API-Key
// or in Authorization: Bearer. None is 401 (send Challenge along); a header
// given twice, or two that differ, is 400, because layers in front might have
// judged another one than we would.
func Credential(h http.Header) (string, error) {
	key, ok := single(h["X-Api-Key"])
	if !ok {
		return "", ambiguous("X-API-Key is given more than once")
	}
	authorization, ok := single(h["Authorization"])
	if !ok {
		return "", ambiguous("Authorization is given more than once")
	}
	token, bearer := bearerToken(authorization)
	switch {
	case key == "" && authorization == "":
		return "", missing("send a key in X-API-Key, or in Authorization: Bearer")
	case key == "" && !bearer:
		return "", missing("Authorization must be of the form: Bearer KEY")
	case key == "":
		return token, nil
	case authorization != "" && token != key:
		return "", ambiguous("X-API-Key and Authorization carry different credentials")
	}
	return key, nil
}

// single returns the only value of a header, without the white space around
// it; an empty value is none. false says that there are several.
func single(values []string) (string, bool) {
	switch len(values) {
	case 0:
		return "", true
	case 1:
		return strings.Trim(values[0], " \t"), true
	}
	return "", false
}

// bearerToken returns what follows the scheme, whose case does not matter
// (RFC 9110, section 11.1).
func bearerToken(authorization string) (string, bool) {
	const scheme = "bearer"
	if len(authorization) <= len(scheme) || !strings.EqualFold(authorization[:len(scheme)], scheme) {
		return "", false
	}
	rest := authorization[len(scheme):]
	token := strings.TrimLeft(rest, " ")
	return token, token != "" && len(token) < len(rest)
}

func ambiguous(why string) error {
	return api.BadRequest("ambiguous_credentials", "%s; send exactly one credential", why)
}

func missing(how string) error {
	return api.NewError(http.StatusUnauthorized, "missing_credentials", "this path needs a credential: %s", how)
}
