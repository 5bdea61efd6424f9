package images

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/google"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Save writes an image, for all its processors, as an OCI image layout in a
// folder of its own; what stood there before goes.
func Save(index v1.ImageIndex, dir, version string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	to, err := layout.Write(dir, empty.Index)
	if err != nil {
		return fmt.Errorf("writing %s: %w", dir, err)
	}
	if err := to.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": version})); err != nil {
		return fmt.Errorf("writing %s: %w", dir, err)
	}
	return nil
}

// Archive writes one processor's image as the file that `docker load` and
// `podman load` read.
func Archive(index v1.ImageIndex, k Kind, arch, version, file string) error {
	img, err := ForArch(index, arch)
	if err != nil {
		return err
	}
	tag, err := name.NewTag("omni-" + k.Name + ":" + Tag(version))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return tarball.WriteToFile(file, tag, img)
}

// Push sends an image to repository/NAME:version and returns the reference by
// digest, which is what manifests should name. Credentials are those of the
// Docker configuration and its helpers, and Google's own for its registries.
func Push(ctx context.Context, index v1.ImageIndex, k Kind, repository, version string, options ...name.Option) (string, error) {
	ref, err := name.NewTag(repository+"/"+k.Name+":"+Tag(version), options...)
	if err != nil {
		return "", fmt.Errorf("the repository to push to: %w", err)
	}
	keychain := authn.NewMultiKeychain(authn.DefaultKeychain, google.Keychain)
	if err := remote.WriteIndex(ref, index, remote.WithContext(ctx), remote.WithAuthFromKeychain(keychain)); err != nil {
		return "", fmt.Errorf("pushing %s: %w", ref, err)
	}
	digest, err := index.Digest()
	if err != nil {
		return "", err
	}
	return ref.Digest(digest.String()).String(), nil
}

// ForArch returns one processor's image.
func ForArch(index v1.ImageIndex, arch string) (v1.Image, error) {
	m, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	for _, d := range m.Manifests {
		if d.Platform != nil && d.Platform.Architecture == arch {
			return index.Image(d.Digest)
		}
	}
	return nil, fmt.Errorf("the index has no image for %s", arch)
}

// Tag is a version as a tag may be written: a tag takes no '+'.
func Tag(version string) string {
	out := []rune(version)
	for i, r := range out {
		if r == '+' {
			out[i] = '-'
		}
	}
	return string(out)
}
