package images

import (
	"bytes"
	"context"
	"crypto/x509"
	"debug/buildinfo"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// settings build for this machine's processor; OMNI_IMAGES_ALL=yes for all, as
// `make images` does (compiling everything for another one takes a minute).
func settings(source string) Settings {
	s := Settings{Source: source, Version: "v1.2.3-test", Revision: strings.Repeat("0", 40), Time: time.Unix(1_700_000_000, 0), Archs: []string{runtime.GOARCH}}
	if os.Getenv("OMNI_IMAGES_ALL") == "yes" {
		s.Archs = nil
	}
	return s
}

// first builds the images once for all tests.
var first = sync.OnceValues(func() (map[string]v1.ImageIndex, error) {
	all := map[string]v1.ImageIndex{}
	for _, k := range Kinds {
		index, err := Build(context.Background(), settings("../.."), k)
		if err != nil {
			return nil, err
		}
		all[k.Name] = index
	}
	return all, nil
})

func built(t *testing.T) map[string]v1.ImageIndex {
	t.Helper()
	all, err := first()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// each runs f on each image of this machine's processor.
func each(t *testing.T, f func(t *testing.T, k Kind, img v1.Image)) {
	t.Helper()
	for _, k := range Kinds {
		img, err := ForArch(built(t)[k.Name], runtime.GOARCH)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(k.Name, func(t *testing.T) { f(t, k, img) })
	}
}

// files are the image's files, its layers one over the other.
func files(t *testing.T, img v1.Image) Tree {
	t.Helper()
	flat := mutate.Extract(img)
	defer flat.Close()
	tree, err := Untar(flat)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// TestReproducible builds a copy of the source that stands in another folder:
// the digest must be the same to the last bit.
func TestReproducible(t *testing.T) {
	copied := t.TempDir()
	for _, part := range []string{"api", "client", "cmd", "internal", "models"} {
		if err := os.CopyFS(filepath.Join(copied, part), os.DirFS(filepath.Join("../..", part))); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			raw, err := os.ReadFile(filepath.Join("../..", e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(copied, e.Name()), raw, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, k := range Kinds {
		again, err := Build(t.Context(), settings(copied), k)
		if err != nil {
			t.Fatal(err)
		}
		want, err := built(t)[k.Name].Digest()
		if err != nil {
			t.Fatal(err)
		}
		got, err := again.Digest()
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: %s here, %s from a copy", k.Name, want, got)
		}
	}
}

func TestContent(t *testing.T) {
	each(t, func(t *testing.T, k Kind, img v1.Image) {
		tree := files(t, img)
		program := tree["/"+k.Command]
		if program.mode.Perm() != 0o555 || len(program.content) == 0 {
			t.Fatalf("the program is %+v", program.mode)
		}
		if data := tree[DataDir]; !data.mode.IsDir() || data.owner != User || data.mode.Perm() != 0o700 {
			t.Errorf("%s: %v of %d", DataDir, data.mode, data.owner)
		}
		for file, e := range tree {
			if file != DataDir && file != "/tmp" && (e.owner != 0 || e.mode.Perm()&0o022 != 0) {
				t.Errorf("%s (%v of %d) could be changed by the program", file, e.mode, e.owner)
			}
			for _, tool := range []string{"sh", "bash", "busybox", "apk", "apt"} {
				if path.Base(file) == tool {
					t.Errorf("%s has no business here", file)
				}
			}
		}
		if !strings.Contains(string(tree["/etc/passwd"].content), "omni:x:65532:65532:") {
			t.Error("the user has no name")
		}
		if len(tree["/usr/share/zoneinfo.zip"].content) < 100_000 {
			t.Error("there are no time zones")
		}
		checkCertificates(t, tree[certificates].content)
		for _, file := range []string{"/licenses/" + module + "/LICENSE", "/licenses/" + module + "/NOTICE", "/licenses/std/LICENSE"} {
			if len(tree[file].content) == 0 {
				t.Errorf("%s is missing", file)
			}
		}
	})
}

func infoOfTree(t *testing.T, tree Tree, k Kind) *buildinfo.BuildInfo {
	t.Helper()
	info, err := buildinfo.Read(bytes.NewReader(tree["/"+k.Command].content))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func checkCertificates(t *testing.T, raw []byte) {
	t.Helper()
	n := 0
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			t.Errorf("certificate %d: %v", n, err)
		}
		n++
	}
	if n < 80 {
		t.Errorf("only %d authorities are trusted", n)
	}
}

// TestBillOfMaterials: every module the program links is listed, with a licence
// whose text is in the image.
func TestBillOfMaterials(t *testing.T) {
	each(t, func(t *testing.T, k Kind, img v1.Image) {
		tree := files(t, img)
		var bom cyclonedx.BOM
		if err := json.Unmarshal(tree["/sbom/"+k.Command+".cdx.json"].content, &bom); err != nil {
			t.Fatal(err)
		}
		listed := map[string]cyclonedx.Component{}
		for _, c := range *bom.Components {
			listed[c.Name] = c
		}
		info := infoOfTree(t, tree, k)
		for _, d := range info.Deps {
			c, there := listed[d.Path]
			if !there || c.Version != d.Version || c.Licenses == nil {
				t.Errorf("%s %s is linked, but listed as %q with licences %v", d.Path, d.Version, c.Version, c.Licenses)
			}
			if !slices.ContainsFunc(tree.names(), func(n string) bool { return strings.HasPrefix(n, "/licenses/"+d.Path+"/") }) {
				t.Errorf("the licence of %s is not in the image", d.Path)
			}
		}
		if len(listed) != len(info.Deps)+1 { // and the standard library
			t.Errorf("%d components for %d modules", len(listed), len(info.Deps))
		}
	})
}

func TestConfiguration(t *testing.T) {
	for _, k := range Kinds {
		index, err := built(t)[k.Name].IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range index.Manifests {
			img, err := built(t)[k.Name].Image(d.Digest)
			if err != nil {
				t.Fatal(err)
			}
			c, err := img.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			if c.Architecture != d.Platform.Architecture || c.OS != "linux" || c.Config.User != "65532:65532" ||
				!slices.Equal(c.Config.Entrypoint, []string{"/" + k.Command}) || c.Config.Labels["org.opencontainers.image.version"] != "v1.2.3-test" ||
				!slices.Equal(c.Config.Healthcheck.Test, []string{"CMD", "/" + k.Command, "-healthcheck"}) {
				t.Errorf("%s for %s: %+v", k.Name, d.Platform.Architecture, c.Config)
			}
			size, err := CompressedSize(img)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s linux/%s: %.1f MB compressed", k.Name, c.Architecture, float64(size)/1e6)
			if size > k.MaxBytes || size < 1<<20 {
				t.Errorf("%s for %s weighs %d bytes, must be at most %d", k.Name, c.Architecture, size, k.MaxBytes)
			}
		}
	}
	tooBig := Kinds[0]
	tooBig.MaxBytes = 1
	img, err := ForArch(built(t)[tooBig.Name], runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := checkSize(img, tooBig, runtime.GOARCH); err == nil {
		t.Error("an image over its limit was let through")
	}
}

// TestSaveAndPush sends an image to a registry and to a folder, and finds the
// same one again in both.
func TestSaveAndPush(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.WithBlobHandler(registry.NewInMemoryBlobHandler()), registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	k := Kinds[0]
	index := built(t)[k.Name]
	want, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	pushed, err := Push(t.Context(), index, k, strings.TrimPrefix(server.URL, "http://")+"/omni", "v1.2.3+dirty", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(pushed, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	there, err := remote.Index(ref, remote.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := there.Digest(); err != nil || got != want || !strings.HasSuffix(pushed, "@"+want.String()) {
		t.Errorf("pushed %s, found %s (%v)", want, got, err)
	}
	dir := t.TempDir()
	if err := Save(index, filepath.Join(dir, "layout"), "v1"); err != nil {
		t.Fatal(err)
	}
	saved, err := layout.ImageIndexFromPath(filepath.Join(dir, "layout"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := saved.IndexManifest()
	if err != nil || len(m.Manifests) != 1 || m.Manifests[0].Digest != want {
		t.Errorf("the layout holds %+v (%v)", m, err)
	}
	if err := Archive(index, k, runtime.GOARCH, "v1", filepath.Join(dir, "sub", "a.tar")); err != nil {
		t.Error(err)
	}
	if err := Archive(index, k, "mips", "v1", filepath.Join(dir, "b.tar")); err == nil {
		t.Error("an archive for a processor that is not in the index")
	}
}

func TestLicencesAreJudged(t *testing.T) {
	t.Parallel()
	mit, err := os.ReadFile("testdata/MIT")
	if err != nil {
		t.Fatal(err)
	}
	gpl := []byte("GNU GENERAL PUBLIC LICENSE Version 3, 29 June 2007\nThis program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later version.")
	for name, c := range map[string]struct {
		licence Licence
		good    bool
	}{
		"permissive":      {Licence{Files: map[string][]byte{"LICENSE": mit}}, true},
		"none":            {Licence{Files: map[string][]byte{}}, false},
		"a notice only":   {Licence{Files: map[string][]byte{"NOTICE": mit}}, false},
		"not a licence":   {Licence{Files: map[string][]byte{"LICENSE": []byte("all rights reserved")}}, false},
		"copyleft":        {Licence{Files: map[string][]byte{"LICENSE": gpl}}, false},
		"one of two":      {Licence{Files: map[string][]byte{"LICENSE": mit, "sub/COPYING": gpl}}, false},
		"notice of a GPL": {Licence{Files: map[string][]byte{"LICENSE": mit, "NOTICE": gpl}}, true},
	} {
		if err := c.licence.judge(); (err == nil) != c.good {
			t.Errorf("%s: %v, licences %v", name, err, c.licence.IDs)
		}
	}
}
