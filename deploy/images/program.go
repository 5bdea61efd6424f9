package images

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Program is one of the product's commands, built.
type Program struct {
	// Name is the command's, such as omni-gateway.
	Name string
	// Arch is GOARCH.
	Arch    string
	Content []byte
	// Info lists the modules that are inside.
	Info *buildinfo.BuildInfo
}

// module is the product's path.
const module = "github.com/omni-run/omni"

// environment is what a command is compiled with. The worker has its numeric
// kernels in vector instructions, which Go keeps behind an experiment.
func environment(name, arch string) []string {
	env := []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + arch, "GOFLAGS=", "GOWORK=off", "GOEXPERIMENT="}
	if name != "omni-gateway" && arch == "amd64" {
		env[len(env)-1] = "GOEXPERIMENT=simd"
	}
	return env
}

// build compiles a command of the source tree: static, without paths of this
// machine and without a link-time identity, so that the same source always
// gives the same bytes.
func build(ctx context.Context, s Settings, name, arch string) (*Program, error) {
	dir, err := os.MkdirTemp("", "omni-images-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, name)
	env := environment(name, arch)
	ldflags := "-s -w -buildid= -X " + module + "/internal/buildinfo.stamped=" + s.Version
	if _, err := command(ctx, s.Source, env, s.Go, "build", "-trimpath", "-buildvcs=false", "-ldflags", ldflags, "-o", file, "./cmd/"+name); err != nil {
		return nil, fmt.Errorf("building %s for %s: %w", name, arch, err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	info, err := buildinfo.Read(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("reading the modules inside %s: %w", name, err)
	}
	return &Program{Name: name, Arch: arch, Content: content, Info: info}, nil
}

// command runs a program and returns what it prints; what it complains about
// becomes the error.
func command(ctx context.Context, dir string, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", filepath.Base(name), strings.Join(args, " "), err, strings.TrimSpace(complaint.String()))
	}
	return out, nil
}
