package nativeworker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/omni-run/omni/internal/tlsfiles"
	"github.com/omni-run/omni/internal/worker/googletoken"
)

// Identity says how the gateway shows the worker who it is, beside the token
// that both share.
type Identity struct {
	// GoogleAudience and GoogleAccounts demand a Google ID token made for the
	// audience, of one of the service accounts: OMNI_WORKER_GOOGLE_AUDIENCE and
	// OMNI_WORKER_GOOGLE_ACCOUNTS, the latter with commas.
	GoogleAudience string
	GoogleAccounts []string
	// GoogleKeysURL is where Google's signing keys are, if not at Google:
	// OMNI_WORKER_GOOGLE_KEYS_URL.
	GoogleKeysURL string
	// TLS serves https with OMNI_WORKER_TLS_CERT and OMNI_WORKER_TLS_KEY; with
	// OMNI_WORKER_TLS_CLIENT_CA it demands a certificate of its callers.
	TLS tlsfiles.Files
}

func identityFromEnvironment(getenv func(string) string) Identity {
	i := Identity{
		GoogleAudience: getenv("OMNI_WORKER_GOOGLE_AUDIENCE"), GoogleKeysURL: getenv("OMNI_WORKER_GOOGLE_KEYS_URL"),
		TLS: tlsfiles.Files{
			CA: getenv("OMNI_WORKER_TLS_CLIENT_CA"), Cert: getenv("OMNI_WORKER_TLS_CERT"), Key: getenv("OMNI_WORKER_TLS_KEY"),
		},
	}
	for account := range strings.SplitSeq(getenv("OMNI_WORKER_GOOGLE_ACCOUNTS"), ",") {
		if account = strings.TrimSpace(account); account != "" {
			i.GoogleAccounts = append(i.GoogleAccounts, account)
		}
	}
	return i
}

// demanded reports whether strangers are kept out.
func (i Identity) demanded() bool { return i.GoogleAudience != "" || i.TLS.CA != "" }

// open makes the checks. Half a setting is refused: it would let strangers in.
func (i Identity) open(ctx context.Context, log *slog.Logger) (verify func(context.Context, http.Header) error, secure *tls.Config, err error) {
	if (i.GoogleAudience == "") != (len(i.GoogleAccounts) == 0) {
		return nil, nil, errors.New("OMNI_WORKER_GOOGLE_AUDIENCE and OMNI_WORKER_GOOGLE_ACCOUNTS belong together: Google makes ID tokens for any audience, for any account")
	}
	if i.GoogleAudience != "" {
		v, err := googletoken.New(context.WithoutCancel(ctx), googletoken.Options{
			Audience: i.GoogleAudience, Accounts: i.GoogleAccounts, KeysURL: i.GoogleKeysURL,
		})
		if err != nil {
			return nil, nil, err
		}
		verify = v.Verify
	}
	if i.TLS == (tlsfiles.Files{}) {
		return verify, nil, nil
	}
	if i.TLS.Cert == "" {
		return nil, nil, errors.New("OMNI_WORKER_TLS_CLIENT_CA needs OMNI_WORKER_TLS_CERT and OMNI_WORKER_TLS_KEY")
	}
	files, err := tlsfiles.Open(i.TLS, log, time.Now)
	if err != nil {
		return nil, nil, fmt.Errorf("the worker's TLS: %w", err)
	}
	return verify, files.Server(), nil
}
