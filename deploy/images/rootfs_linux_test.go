package images

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const (
	childRoot = "OMNI_TEST_ROOTFS" // in the environment of a child: what to change into
	noMounts  = 77                 // a child's exit code: this machine forbids mounts
)

// TestMain is also the child that enters a root file system, as a container
// engine's does: a mount namespace of its own, a root that cannot be written,
// empty volumes, an ordinary user; then the image's program.
func TestMain(m *testing.M) {
	if root := os.Getenv(childRoot); root != "" {
		err := enter(root)
		fmt.Fprintln(os.Stderr, "entering the root file system:", err)
		if errors.Is(err, syscall.EPERM) {
			os.Exit(noMounts)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// enter does not return unless it fails. The namespace is new: the parent asked
// for it.
func enter(root string) error {
	steps := []func() error{
		func() error { return syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "") },
		func() error { return syscall.Mount(root, root, "", syscall.MS_BIND, "") },
		func() error {
			return syscall.Mount(os.Getenv("OMNI_TEST_VOLUME"), filepath.Join(root, "data"), "", syscall.MS_BIND, "")
		},
		func() error { return syscall.Mount("tmpfs", filepath.Join(root, "tmp"), "tmpfs", 0, "mode=1777") },
		func() error {
			return syscall.Mount("", root, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, "")
		},
		func() error { return syscall.Chroot(root) },
		func() error { return os.Chdir("/") },
		func() error {
			if err := os.WriteFile("/written", nil, 0o600); !errors.Is(err, syscall.EROFS) {
				return fmt.Errorf("the root could be written to, even by root: %w", err)
			}
			return nil
		},
		func() error { return syscall.Setgroups(nil) },
		func() error { return syscall.Setgid(User) },
		func() error { return syscall.Setuid(User) },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "OMNI_TEST_") {
			env = append(env, e)
		}
	}
	args := os.Args[1:]
	return syscall.Exec(args[0], args, env)
}

// container is an unpacked image with a volume.
type container struct {
	root, volume string
	config       *v1.Config
	port         int
}

func unpack(t *testing.T, img v1.Image) *container {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("entering a root file system with a user of its own needs root")
	}
	c := &container{root: t.TempDir(), volume: t.TempDir(), port: freePort(t)}
	if err := files(t, img).WriteTo(c.root); err != nil {
		t.Fatal(err)
	}
	// The test's own folder may be closed to others; the program runs as one.
	for dir := c.root; dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(c.volume, User, User); err != nil {
		t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c.config = &file.Config
	return c
}

// freePort is free and stays so until the image listens: it lies below the
// ports that systems give to outgoing connections.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20_000 + rand.IntN(12_000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// command is the image's entry point with arguments, in its own environment.
func (c *container) command(ctx context.Context, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", append(append([]string{}, c.config.Entrypoint...), args...)...)
	cmd.Env = append(append([]string{}, c.config.Env...), "PORT="+strconv.Itoa(c.port), childRoot+"="+c.root, "OMNI_TEST_VOLUME="+c.volume)
	cmd.Env = append(cmd.Env, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// start runs the image until the test ends; it must then stop in order.
func (c *container) start(t *testing.T, env ...string) {
	t.Helper()
	var out bytes.Buffer
	cmd := c.command(context.WithoutCancel(t.Context()), env)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Skipf("this machine forbids namespaces: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err == nil {
			if err := <-ended; err != nil {
				t.Errorf("it did not stop in order: %v\n%s", err, out.String())
			}
		}
	})
	for {
		select {
		case err := <-ended:
			var exit *exec.ExitError
			if errors.As(err, &exit) && exit.ExitCode() == noMounts {
				t.Skip("this machine forbids mounts")
			}
			t.Fatalf("it ended: %v\n%s", err, out.String())
		case <-time.After(20 * time.Millisecond):
		}
		// The image's own health check, inside the same root.
		if c.command(t.Context(), env, c.config.Healthcheck.Test[2:]...).Run() == nil {
			return
		}
	}
}

// TestBuiltImagesRun starts both images' root file systems, read-only and as
// an ordinary user, and calls a model through the gateway.
func TestBuiltImagesRun(t *testing.T) {
	images := map[string]*container{}
	each(t, func(t *testing.T, k Kind, img v1.Image) {
		c := unpack(t, img)
		if err := c.command(t.Context(), nil, c.config.Healthcheck.Test[2:]...).Run(); err == nil {
			t.Error("the health check is content though nothing runs")
		}
	})
	for _, k := range Kinds {
		img, err := ForArch(built(t)[k.Name], runtime.GOARCH)
		if err != nil {
			t.Fatal(err)
		}
		images[k.Name] = unpack(t, img)
	}
	token := "OMNI_WORKER_TOKEN=a-token-for-this-test"
	images["worker"].start(t, token)
	images["gateway"].start(t, token, "MASTER_API_KEY=a-master-key-for-this-test",
		fmt.Sprintf("OMNI_WORKER_URL=http://127.0.0.1:%d", images["worker"].port))
	body := call(t, images["gateway"].port, `{"text":"I love it"}`)
	var answer struct{ Sentiment string }
	if err := json.Unmarshal(body, &answer); err != nil || answer.Sentiment != "positive" {
		t.Errorf("answered %s (%v)", body, err)
	}
	for _, c := range images {
		entries, err := os.ReadDir(c.volume)
		if err != nil || len(entries) == 0 {
			t.Errorf("nothing was written to the volume: %v", err)
		}
	}
}

func call(t *testing.T, port int, body string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fmt.Sprintf("http://127.0.0.1:%d/sentiment/analyze", port), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", "a-master-key-for-this-test")
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%d %s (%v)", res.StatusCode, raw, err)
	}
	return raw
}
