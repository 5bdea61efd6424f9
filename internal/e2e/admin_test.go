package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
)

const detect = `{"series":[1,2,1,2,1,2,1,2,1,2,50,2,1,2]}`

// The life of a key, from its tenant's beginning to its end, by the master key
// alone.
func TestKeysFromBeginningToEnd(t *testing.T) {
	t.Parallel()
	w := startStub(t, nil)
	setup := gatewaySetup{worker: w.URL, mode: "production", data: t.TempDir()}
	g := startGateway(t, setup)
	g.workersReady()
	for _, demo := range []string{freeKey, proKey, enterpriseKey} {
		g.want(403, "POST", "/anomaly/detect", demo, detect)
	}
	key, id := g.adminKey("acme", "pro", `"anomaly","usage"`)
	g.want(200, "POST", "/anomaly/detect", key, detect)
	if a := g.want(403, "POST", "/recommend/products", key, `{"user_id":"u"}`); a.code() != "insufficient_scope" {
		t.Error(a)
	}
	for _, k := range []string{key, ""} {
		if a := g.call("GET", "/admin/keys", k, ""); a.status != 403 && a.status != 401 {
			t.Errorf("/admin with %.5q: %s", k, a)
		}
	}
	mistyped := key[:len(key)-1] + map[bool]string{true: "a", false: "b"}[key[len(key)-1] != 'a']
	g.want(403, "POST", "/anomaly/detect", mistyped, detect)

	// Rotated with an overlap both are valid, without one the old one is not.
	var next api.NewKeyAnswer
	g.want(201, "POST", "/admin/keys/"+id+"/rotate", masterKey, `{"overlap":"1h"}`).into(t, &next)
	for _, k := range []string{key, next.Secret} {
		g.want(200, "POST", "/anomaly/detect", k, detect)
	}
	if a := g.want(403, "POST", "/recommend/products", next.Secret, `{"user_id":"u"}`); a.code() != "insufficient_scope" {
		t.Errorf("the successor has other scopes: %s", a)
	}
	var last api.NewKeyAnswer
	g.want(201, "POST", "/admin/keys/"+next.Key.ID+"/rotate", masterKey, `{"overlap":"0s"}`).into(t, &last)
	g.want(403, "POST", "/anomaly/detect", next.Secret, detect)
	g.want(200, "POST", "/anomaly/detect", last.Secret, detect)

	// Revoked is revoked at the next call.
	g.want(200, "DELETE", "/admin/keys/"+last.Key.ID, masterKey, "")
	if a := g.want(403, "POST", "/anomaly/detect", last.Secret, detect); a.code() == "insufficient_scope" {
		t.Error(a)
	}

	// An expired key.
	var brief api.NewKeyAnswer
	g.want(201, "POST", "/admin/keys", masterKey, fmt.Sprintf(`{"tenant":"acme","expires_at":%q}`, time.Now().Add(1500*time.Millisecond).Format(time.RFC3339Nano))).into(t, &brief)
	eventually(t, "the key expired", func() bool { return g.call("POST", "/anomaly/detect", brief.Secret, detect).status == 403 })

	// A disabled tenant has no valid key.
	g.want(200, "POST", "/anomaly/detect", key, detect)
	g.want(200, "PATCH", "/admin/tenants/acme", masterKey, `{"disabled":true}`)
	g.want(403, "POST", "/anomaly/detect", key, detect)
	g.want(200, "PATCH", "/admin/tenants/acme", masterKey, `{"disabled":false,"tier":"free"}`)

	var list api.KeysAnswer
	a := g.want(200, "GET", "/admin/keys?tenant=acme", masterKey, "")
	a.into(t, &list)
	if len(list.Keys) != 4 {
		t.Errorf("%d keys: %s", len(list.Keys), a)
	}
	checkForSecrets(t, "the list of keys", string(a.body))
	checkForSecrets(t, "the shown configuration", string(g.want(200, "GET", "/admin/config", masterKey, "").body))
	g.want(200, "GET", "/admin/usage", masterKey, "")
	g.want(200, "GET", "/admin/workers", masterKey, "")
	g.want(404, "GET", "/admin/keys/nosuchid", masterKey, "")
	g.want(422, "POST", "/admin/keys", masterKey, `{"tenant":"acme","scopes":["no such"]}`)

	// Another process changes the store: in force here within a second or so.
	g.kill()
	g = startGateway(t, setup)
	g.want(403, "POST", "/anomaly/detect", last.Secret, detect)
	g.want(403, "POST", "/anomaly/detect", brief.Secret, detect)
}

// Without MASTER_API_KEY nobody is let in.
func TestNoMasterKeyNoAdmin(t *testing.T) {
	t.Parallel()
	g := startGateway(t, gatewaySetup{env: []string{"MASTER_API_KEY="}})
	g.want(403, "GET", "/admin/keys", masterKey, "")
	g.want(403, "GET", "/admin/keys", enterpriseKey, "")
	g.want(401, "GET", "/admin/keys", "", "")
}

// A new key is shown once and stands in no file, though the call bears an
// Idempotency-Key: its repetition makes another key.
func TestANewKeyIsKeptNowhere(t *testing.T) {
	t.Parallel()
	g := startGateway(t, gatewaySetup{})
	g.want(201, "POST", "/admin/tenants", masterKey, `{"id":"acme","tier":"pro"}`, "Idempotency-Key", "t1")
	replayed := g.call("POST", "/admin/tenants", masterKey, `{"id":"acme","tier":"pro"}`, "Idempotency-Key", "t1")
	if replayed.header.Get("Idempotent-Replay") != "true" {
		t.Errorf("an answer without a secret is not repeated: %s", replayed)
	}
	first := g.want(201, "POST", "/admin/keys", masterKey, `{"tenant":"acme"}`, "Idempotency-Key", "k1").field(t, "api_key").(string)
	again := g.want(201, "POST", "/admin/keys", masterKey, `{"tenant":"acme"}`, "Idempotency-Key", "k1")
	if again.header.Get("Idempotent-Replay") != "" || again.field(t, "api_key") == first {
		t.Errorf("the key was kept: %v", again.header)
	}
	err := filepath.WalkDir(g.setup.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err == nil && bytes.Contains(raw, []byte(first)) {
			t.Errorf("%s holds the key", filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
