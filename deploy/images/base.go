package images

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// User is the number of the user (and group) that the programs run as. Nothing
// in the image is writable for it but the data folder and /tmp.
const User = 65532

// DataDir is the one folder that is meant to be a volume.
const DataDir = "/data"

const (
	certificates = "/etc/ssl/certs/ca-certificates.crt" // where crypto/x509 looks first
	zones        = "/usr/share/zoneinfo.zip"            // named by ZONEINFO
)

// base is what a static program expects of a system: who it is, whom to trust,
// what time zones there are, where to write.
func base(ctx context.Context, goCommand string) (Tree, error) {
	roots, err := goroot(ctx, goCommand)
	if err != nil {
		return nil, err
	}
	zip, err := os.ReadFile(filepath.Join(roots, "lib", "time", "zoneinfo.zip"))
	if err != nil {
		return nil, fmt.Errorf("reading the time zones of the Go distribution: %w", err)
	}
	t := Tree{}
	t.File("/etc/passwd", fmt.Appendf(nil, "root:x:0:0:root:/:/sbin/nologin\nomni:x:%d:%d:omni:%s:/sbin/nologin\n", User, User, DataDir))
	t.File("/etc/group", fmt.Appendf(nil, "root:x:0:\nomni:x:%d:\n", User))
	t.File(certificates, trusted())
	t.File(zones, zip)
	t.Folder("/tmp", 0o777|fs.ModeSticky, 0)
	t.Folder(DataDir, 0o700, User)
	return t, nil
}

// trusted is Mozilla's list of certificate authorities as the Go project
// publishes it in a module: the version in go.mod pins it. Authorities that
// Mozilla trusts under conditions only are left out, because a PEM file cannot
// state the conditions.
func trusted() []byte {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
	}
	return out.Bytes()
}

func goroot(ctx context.Context, goCommand string) (string, error) {
	out, err := command(ctx, "", nil, goCommand, "env", "GOROOT")
	return strings.TrimSpace(string(out)), err
}
