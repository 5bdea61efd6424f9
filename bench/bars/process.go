package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const key = "demo-enterprise-key-abcdef"

type bench struct {
	dir string
	n   int // folders made
}

// folder makes a fresh data folder.
func (b *bench) folder() (string, error) {
	b.n++
	path := filepath.Join(b.dir, fmt.Sprint("data", b.n))
	return path, os.Mkdir(path, 0o700)
}

// process is a running child.
type process struct {
	cmd     *exec.Cmd
	url     string
	started time.Time
	log     bytes.Buffer
}

// launch starts a binary on a free port.
func (b *bench) launch(ctx context.Context, name, data string, env ...string) (*process, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := ln.Addr().String()
	if err := ln.Close(); err != nil {
		return nil, err
	}
	p := &process{url: "http://" + address, cmd: exec.CommandContext(ctx, filepath.Join(b.dir, name))}
	p.cmd.Env = append([]string{
		"OMNI_MODE=development", "OMNI_LISTEN=" + address, "OMNI_WORKER_LISTEN=" + address, "OMNI_DATA_DIR=" + data,
	}, env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	p.started = time.Now()
	return p, p.cmd.Start()
}

// until asks for path until the answer is good, and returns the time since the
// process was started.
func (p *process) until(ctx context.Context, path string, good func(status int, body []byte) bool) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		status, body, err := request(ctx, http.MethodGet, p.url+path, nil)
		if err == nil && good(status, body) {
			return time.Since(p.started), nil
		}
		if ctx.Err() != nil {
			return 0, fmt.Errorf("%s never became ready", filepath.Base(p.cmd.Path))
		}
		time.Sleep(500 * time.Microsecond)
	}
}

// end stops the process and waits for it.
func (p *process) end() error {
	err := p.cmd.Process.Signal(os.Interrupt)
	if wait := p.cmd.Wait(); wait != nil {
		return errors.Join(err, fmt.Errorf("%s: %w\n%s", filepath.Base(p.cmd.Path), wait, p.log.Bytes()))
	}
	return err
}

// resident is the resident memory in bytes.
func (p *process) resident() (int64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb * 1024, err
		}
	}
	return 0, errors.New("no VmRSS in /proc")
}

func request(ctx context.Context, method, url string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("X-API-Key", key)
	req.Header.Set("X-Tenant-ID", "bench")      // read by a worker that is asked directly
	req.Header.Set("Cache-Control", "no-store") // past the response cache: what is measured is the work
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, errors.Join(err, res.Body.Close())
}

func isOK(status int, _ []byte) bool { return status == http.StatusOK }

func allReady(status int, body []byte) bool {
	var h struct {
		Ready bool `json:"services_ready"`
	}
	return status == http.StatusOK && json.Unmarshal(body, &h) == nil && h.Ready
}
