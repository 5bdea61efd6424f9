// Package images builds the product's container images without a container
// engine: from nothing, as OCI image layouts, for several processors at once.
// The same source, version and Go distribution give the same digests.
package images

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"strconv"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Settings are what every image of one build has in common.
type Settings struct {
	// Source is the folder of the product's go.mod.
	Source string
	// Version is stamped into the programs and labels.
	Version string
	// Revision is the commit, for a label; may be empty.
	Revision string
	// Time is what every file and the image itself are dated; use the commit's
	// time, never now.
	Time time.Time
	// Go is the go command; default "go".
	Go string
	// Archs are GOARCH values; default amd64 and arm64.
	Archs []string
}

// Kind is one image of the product.
type Kind struct {
	// Name is the image's, such as gateway.
	Name string
	// Command is the program inside.
	Command string
	// Port is where the program listens unless PORT says otherwise.
	Port int
	// MaxBytes is what the image may weigh compressed, for each processor.
	MaxBytes    int64
	Description string
}

// Kinds are the product's images.
var Kinds = []Kind{
	{Name: "gateway", Command: "omni-gateway", Port: 8080, MaxBytes: 20 << 20, Description: "Omni's gateway: keys, limits, routing, the queue that waits for workers"},
	{Name: "worker", Command: "omni-worker", Port: 9090, MaxBytes: 60 << 20, Description: "Omni's native worker: every model in one static program"},
}

// withDefaults fills what was left out.
func (s Settings) withDefaults() Settings {
	if s.Go == "" {
		s.Go = "go"
	}
	if len(s.Archs) == 0 {
		s.Archs = []string{"amd64", "arm64"}
	}
	if s.Time.IsZero() {
		s.Time = time.Unix(0, 0)
	}
	s.Time = s.Time.UTC().Truncate(time.Second)
	return s
}

// Trees returns the layers of one image, the least often changed first.
func Trees(ctx context.Context, s Settings, k Kind, arch string) ([]Tree, error) {
	s = s.withDefaults()
	system, err := base(ctx, s.Go)
	if err != nil {
		return nil, err
	}
	p, err := build(ctx, s, k.Command, arch)
	if err != nil {
		return nil, err
	}
	licences, err := Licences(ctx, s, k.Command, arch)
	if err != nil {
		return nil, err
	}
	bom, err := BillOfMaterials(p, s.Version, licences)
	if err != nil {
		return nil, err
	}
	texts := Tree{}
	for _, l := range licences {
		for name, text := range l.Files {
			texts.File(path.Join("/licenses", l.Module, name), text)
		}
	}
	program := Tree{}
	program.File("/sbom/"+k.Command+".cdx.json", bom)
	program.Program("/"+k.Command, p.Content)
	return []Tree{system, texts, program}, nil
}

// Build makes one image for every processor, and the index over them.
func Build(ctx context.Context, s Settings, k Kind) (v1.ImageIndex, error) {
	s = s.withDefaults()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range s.Archs {
		img, err := buildOne(ctx, s, k, arch)
		if err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        img,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	labelled, isIndex := mutate.Annotations(index, labels(s, k)).(v1.ImageIndex)
	if !isIndex { // Annotations keeps the type it is given
		panic("images: an annotated index is no index")
	}
	return labelled, nil
}

func buildOne(ctx context.Context, s Settings, k Kind, arch string) (v1.Image, error) {
	trees, err := Trees(ctx, s, k, arch)
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, t := range trees {
		raw, err := t.Tar(s.Time)
		if err != nil {
			return nil, err
		}
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(raw)), nil
		}, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
		if err != nil {
			return nil, fmt.Errorf("packing a layer of %s: %w", k.Name, err)
		}
		if img, err = mutate.Append(img, mutate.Addendum{Layer: layer, History: v1.History{Created: v1.Time{Time: s.Time}, CreatedBy: "omni-images"}}); err != nil {
			return nil, err
		}
	}
	if img, err = mutate.ConfigFile(img, configFile(img, s, k, arch)); err != nil {
		return nil, err
	}
	return checkSize(img, k, arch)
}

func checkSize(img v1.Image, k Kind, arch string) (v1.Image, error) {
	size, err := CompressedSize(img)
	if err != nil {
		return nil, err
	}
	if size > k.MaxBytes {
		return nil, fmt.Errorf("the %s image for %s weighs %d bytes compressed; at most %d are allowed", k.Name, arch, size, k.MaxBytes)
	}
	return img, nil
}

// CompressedSize is what a node downloads: the layers and the configuration.
func CompressedSize(img v1.Image) (int64, error) {
	m, err := img.Manifest()
	if err != nil {
		return 0, err
	}
	total := m.Config.Size
	for _, l := range m.Layers {
		total += l.Size
	}
	return total, nil
}

func configFile(img v1.Image, s Settings, k Kind, arch string) *v1.ConfigFile {
	// The layers' digests are in the image already; an image that was made in
	// memory has no way to fail here.
	had, err := img.ConfigFile()
	if err != nil {
		panic(fmt.Sprintf("images: the configuration of an image in memory: %v", err))
	}
	c := had.DeepCopy()
	c.OS, c.Architecture, c.Created = "linux", arch, v1.Time{Time: s.Time}
	c.Config = v1.Config{
		User:         fmt.Sprintf("%d:%d", User, User),
		Entrypoint:   []string{"/" + k.Command},
		WorkingDir:   "/",
		Env:          []string{"PATH=/", "PORT=" + strconv.Itoa(k.Port), "OMNI_DATA_DIR=" + DataDir, "ZONEINFO=" + zones},
		ExposedPorts: map[string]struct{}{strconv.Itoa(k.Port) + "/tcp": {}},
		Volumes:      map[string]struct{}{DataDir: {}},
		Labels:       labels(s, k),
		StopSignal:   "SIGTERM",
		Healthcheck: &v1.HealthConfig{
			Test:     []string{"CMD", "/" + k.Command, "-healthcheck"},
			Interval: 10 * time.Second, Timeout: 4 * time.Second, StartPeriod: 30 * time.Second, Retries: 3,
		},
	}
	return c
}

func labels(s Settings, k Kind) map[string]string {
	l := map[string]string{
		"org.opencontainers.image.title":       "omni-" + k.Name,
		"org.opencontainers.image.description": k.Description,
		"org.opencontainers.image.version":     s.Version,
		"org.opencontainers.image.created":     s.Time.Format(time.RFC3339),
		"org.opencontainers.image.source":      "https://" + module,
		"org.opencontainers.image.licenses":    "Apache-2.0",
	}
	if s.Revision != "" {
		l["org.opencontainers.image.revision"] = s.Revision
	}
	return l
}
