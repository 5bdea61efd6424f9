// Command omni-images builds the container images without a container engine.
//
//	go run ./cmd/omni-images -source .. -version v1.2.3 -out ../dist/images
//
// For each image it writes an OCI image layout (all processors) and one archive
// for `docker load` a processor, and prints digests and sizes. -push sends
// them to a registry as well and writes refs.env: GATEWAY_IMAGE and
// WORKER_IMAGE by digest, which is what manifests should name.
// -rootfs lays one image's files out in a folder instead, for a Dockerfile.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/omni-run/omni/deploy/images"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "omni-images:", err)
		os.Exit(1)
	}
}

type options struct {
	settings           images.Settings
	out, push, rootfs  string
	only, archs, epoch string
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	flags := flag.NewFlagSet("omni-images", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.settings.Source, "source", "..", "`folder` of the product's go.mod")
	flags.StringVar(&o.settings.Version, "version", "devel", "version to stamp and to tag with")
	flags.StringVar(&o.settings.Revision, "revision", "", "commit, for a label")
	flags.StringVar(&o.epoch, "epoch", os.Getenv("SOURCE_DATE_EPOCH"), "`seconds` since 1970 to date everything with; also SOURCE_DATE_EPOCH")
	flags.StringVar(&o.out, "out", "dist/images", "`folder` to write layouts and archives to")
	flags.StringVar(&o.push, "push", "", "`repository` to push to as well, such as REGION-docker.pkg.dev/PROJECT/omni")
	flags.StringVar(&o.rootfs, "rootfs", "", "lay the files of one image (-only) out in this `folder`, for the first of -archs, and stop")
	flags.StringVar(&o.only, "only", "", "build this image alone: gateway or worker")
	flags.StringVar(&o.archs, "archs", "amd64,arm64", "processors")
	if err := flags.Parse(args); err != nil {
		return err
	}
	o.settings.Archs = strings.Split(o.archs, ",")
	if o.epoch != "" {
		var seconds int64
		if _, err := fmt.Sscan(o.epoch, &seconds); err != nil {
			return fmt.Errorf("-epoch %q is not a number of seconds", o.epoch)
		}
		o.settings.Time = time.Unix(seconds, 0)
	}
	kinds, err := chosen(o.only)
	if err != nil {
		return err
	}
	if o.rootfs != "" {
		return layOut(ctx, o, kinds)
	}
	var refs strings.Builder
	for _, k := range kinds {
		ref, err := makeOne(ctx, o, k, stdout)
		if err != nil {
			return err
		}
		fmt.Fprintf(&refs, "%s_IMAGE=%s\n", strings.ToUpper(k.Name), ref)
	}
	if o.push == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(o.out, "refs.env"), []byte(refs.String()), 0o644)
}

func chosen(only string) ([]images.Kind, error) {
	if only == "" {
		return images.Kinds, nil
	}
	for _, k := range images.Kinds {
		if k.Name == only {
			return []images.Kind{k}, nil
		}
	}
	return nil, fmt.Errorf("there is no image %q", only)
}

func layOut(ctx context.Context, o options, kinds []images.Kind) error {
	if len(kinds) != 1 {
		return errors.New("-rootfs needs -only gateway or -only worker")
	}
	trees, err := images.Trees(ctx, o.settings, kinds[0], o.settings.Archs[0])
	if err != nil {
		return err
	}
	for _, t := range trees {
		if err := t.WriteTo(o.rootfs); err != nil {
			return err
		}
	}
	return nil
}

// makeOne builds, writes and if asked pushes one image; it returns the pushed
// reference.
func makeOne(ctx context.Context, o options, k images.Kind, stdout io.Writer) (string, error) {
	index, err := images.Build(ctx, o.settings, k)
	if err != nil {
		return "", err
	}
	digest, err := index.Digest()
	if err != nil {
		return "", err
	}
	if err := images.Save(index, filepath.Join(o.out, k.Name), o.settings.Version); err != nil {
		return "", err
	}
	fmt.Fprintf(stdout, "%-8s %s  %s\n", k.Name, digest, filepath.Join(o.out, k.Name))
	for _, arch := range o.settings.Archs {
		img, err := images.ForArch(index, arch)
		if err != nil {
			return "", err
		}
		size, err := images.CompressedSize(img)
		if err != nil {
			return "", err
		}
		file := filepath.Join(o.out, k.Name+"-"+arch+".tar")
		if err := images.Archive(index, k, arch, o.settings.Version, file); err != nil {
			return "", err
		}
		fmt.Fprintf(stdout, "  linux/%-6s %5.1f MB compressed  %s\n", arch, float64(size)/1e6, file)
	}
	if o.push == "" {
		return "", nil
	}
	ref, err := images.Push(ctx, index, k, o.push, o.settings.Version)
	if err != nil {
		return "", err
	}
	fmt.Fprintln(stdout, "  pushed", ref)
	return ref, nil
}
