package filestore_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/authn/filestore"
	"github.com/omni-run/omni/internal/authn/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		path := filepath.Join(t.TempDir(), "keys.json")
		return func(t *testing.T) authn.Store {
			return open(t, path, filestore.Options{Create: true, Audit: path + ".audit"})
		}
	})
}

func open(t *testing.T, path string, o filestore.Options) *filestore.Store {
	t.Helper()
	s, err := filestore.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func file(tenant string) string {
	return `{"version":1,"tenants":[{"id":"` + tenant + `","tier":"pro","created_at":"2026-01-02T03:04:05Z"}],"keys":[]}`
}

func TestMissingFileIsAnErrorUnlessCreated(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	if _, err := filestore.Open(path, filestore.Options{}); err == nil {
		t.Fatal("a secret that was not mounted went unnoticed")
	}
	open(t, path, filestore.Options{Create: true})
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("mode %o, want 600", mode)
	}
}

func TestWritingRestoresPrivateMode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "keys.json")
	write(t, path, file("acme"))
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	s := open(t, path, filestore.Options{})
	if err := s.PutTenant(t.Context(), authn.Tenant{ID: "other", Tier: "free"}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 600 (%v)", info.Mode(), err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".keys-*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A secret manager swaps a symbolic link: the path stays, the inode changes.
func TestSwappedSymlinkIsSeen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "keys.json")
	for _, v := range []string{"one", "two"} {
		write(t, filepath.Join(dir, v), file(v))
	}
	if err := os.Symlink("one", path); err != nil {
		t.Fatal(err)
	}
	s := open(t, path, filestore.Options{})
	snap, err := s.Poll(t.Context(), "")
	if err != nil || snap.Tenants[0].ID != "one" {
		t.Fatal(snap, err)
	}
	if err := os.Symlink("two", path+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	snap, err = s.Poll(t.Context(), snap.Version)
	if err != nil || snap == nil || snap.Tenants[0].ID != "two" {
		t.Fatalf("after the swap: %v, %v", snap, err)
	}
}

// A volume may serve new content of the same size under the old time.
func TestContentIsReadAgainThoughTheFileLooksTheSame(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	old := time.Now().Add(-time.Hour)
	put := func(tenant string) {
		write(t, path, file(tenant))
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	put("one")
	now := time.Now()
	s := open(t, path, filestore.Options{Now: func() time.Time { return now }})
	snap, err := s.Poll(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	put("two")
	if again, err := s.Poll(t.Context(), snap.Version); err != nil || again != nil {
		t.Fatalf("read again at once: %v, %v", again, err)
	}
	now = now.Add(time.Minute)
	again, err := s.Poll(t.Context(), snap.Version)
	if err != nil || again == nil || again.Tenants[0].ID != "two" {
		t.Fatalf("a minute later: %v, %v", again, err)
	}
}

func TestBadContent(t *testing.T) {
	t.Parallel()
	const secret = "omni_pro_000000AAAAAAAA_Zq3Zq3Zq3Zq3Zq3Zq3Zq3Zq3abc123"
	row := func(field, value string) string {
		fields := map[string]string{
			"id": `"A0000000000001"`, "tenant": `"acme"`, "tier": `"pro"`, "scopes": `["*"]`,
			"sha256": `"` + strings.Repeat("ab", 32) + `"`, "created_at": `"2026-01-02T03:04:05Z"`,
		}
		fields[field] = value
		var parts []string
		for k, v := range fields {
			parts = append(parts, `"`+k+`":`+v)
		}
		return strings.TrimSuffix(file("acme"), `[]}`) + "[{" + strings.Join(parts, ",") + "}]}"
	}
	for name, content := range map[string]string{
		"empty":               "",
		"white space":         " \n",
		"null":                "null",
		"torn":                file("acme")[:60],
		"two values":          file("acme") + "{}",
		"unknown field":       `{"version":1,"tenants":[],"keys":[],"` + secret + `":1}`,
		"no version":          `{"tenants":[],"keys":[]}`,
		"future version":      `{"version":2,"tenants":[],"keys":[]}`,
		"reserved tenant":     file("master"),
		"tenant twice":        strings.Replace(file("acme"), `"tenants":[`, `"tenants":[{"id":"acme","tier":"pro","created_at":"2026-01-02T03:04:05Z"},`, 1),
		"key instead of hash": row("sha256", `"`+secret+`"`),
		"key instead of id":   row("id", `"`+secret+`"`),
		"no hash":             row("sha256", `"`+strings.Repeat("00", 32)+`"`),
		"short hash":          row("sha256", `"abab"`),
		"hash is a number":    row("sha256", `7`),
		"stranger's key":      row("tenant", `"nobody"`),
		"bad date":            row("created_at", `"`+secret+`"`),
		"bad scope":           row("scopes", `["all"]`),
		"bad network":         row("allow", `["10.0.0.0/99"]`),
		"key as a network":    row("allow", `["`+secret+`"]`),
		"loose network":       row("allow", `["10.0.0.1/8"]`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "keys.json")
			write(t, path, content)
			s := open(t, path, filestore.Options{})
			snap, err := s.Poll(t.Context(), "")
			if !errors.Is(err, authn.ErrContent) {
				t.Fatalf("got %v, %v, want ErrContent", snap, err)
			}
			if strings.Contains(err.Error(), "Zq3") {
				t.Errorf("the error repeats a secret: %v", err)
			}
			if err := s.PutTenant(t.Context(), authn.Tenant{ID: "new", Tier: "pro"}); !errors.Is(err, authn.ErrContent) {
				t.Errorf("a change over bad content: %v, want ErrContent", err)
			}
			if now, err := os.ReadFile(path); err != nil || string(now) != content {
				t.Errorf("bad content was overwritten: %q, %v", now, err)
			}
		})
	}
	t.Run("a good row", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "keys.json")
		write(t, path, row("tier", `"pro"`))
		if snap, err := open(t, path, filestore.Options{}).Poll(t.Context(), ""); err != nil || len(snap.Keys) != 1 {
			t.Fatal(snap, err)
		}
	})
}
