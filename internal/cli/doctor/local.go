package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/omni-run/omni/internal/lockfile"
)

// leastSpace is what the data folder should have left.
const leastSpace = 512 << 20

// dataFolder checks that it can be written, synced and locked, and has room.
func (d *doctor) dataFolder() {
	const subject = "data folder"
	dir := d.config.DataDir
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		d.well(subject, "%s does not exist yet; the gateway makes it", dir)
		dir = nearest(dir)
	}
	if err := tryWrite(dir); err != nil {
		d.fault(subject, "give the gateway's user the right to write there, or set data_dir", "%s", err)
		return
	}
	if free, ok := freeBytes(dir); ok && free < leastSpace {
		d.warn(subject, "make room: usage, jobs and idempotent answers are written there", "only %d MB are left on %s", free>>20, dir)
	} else if ok {
		d.well(subject, "%s can be written and has %d MB left", dir, free>>20)
	}
	lock := filepath.Join(d.config.DataDir, "gateway.lock")
	if _, err := os.Stat(lock); err != nil {
		return
	}
	if unlock, err := lockfile.Lock(lock); err == nil {
		unlock()
	} else {
		d.well("lock", "a gateway runs on %s", d.config.DataDir)
	}
}

// nearest is the closest ancestor that exists.
func nearest(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".omni-doctor-*")
	if err != nil {
		return fmt.Errorf("cannot write there: %w", err)
	}
	_, err = f.Write(make([]byte, 4096))
	err = errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
	if err != nil {
		return fmt.Errorf("cannot write there: %w", err)
	}
	return nil
}

// enoughFiles is for ten thousand held calls, each with two connections.
const enoughFiles = 20_000

func (d *doctor) openFiles() {
	most, ok := mostFiles()
	switch {
	case !ok:
	case most < enoughFiles:
		d.warn("open files", "raise it: ulimit -n 65536, LimitNOFILE= in systemd", "a process may have %d; each caller and each call to a worker needs one", most)
	default:
		d.well("open files", "a process may have %d", most)
	}
}

// listening checks that the port is free, or held by this product.
func (d *doctor) listening(ctx context.Context) {
	const subject = "port"
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", d.config.Listen)
	if err == nil {
		d.well(subject, "%s is free", d.config.Listen)
		if err := l.Close(); err != nil {
			d.warn(subject, "look at the machine's network", "%s", err)
		}
		return
	}
	health, date, asked := d.gatewayHealth(ctx)
	if asked != nil {
		d.fault(subject, "stop what listens there, or set listen", "%s cannot be taken (%s) and is not Omni's (%s)", d.config.Listen, err, asked)
		return
	}
	d.well(subject, "an Omni gateway %s runs on %s", health.Version, d.config.Listen)
	d.clock("clock of the gateway", date)
}

type gatewayHealth struct {
	Service string `json:"service"`
	Version string `json:"version"`
}

func (d *doctor) gatewayHealth(ctx context.Context) (h gatewayHealth, date time.Time, err error) {
	host, port, err := net.SplitHostPort(d.config.Listen)
	if err != nil {
		return h, date, err
	}
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "127.0.0.1"
	}
	date, err = d.get(ctx, "http://"+net.JoinHostPort(host, port)+"/health", nil, &h)
	if err == nil && h.Service != "api-gateway" {
		err = fmt.Errorf("its service is %.40q", h.Service)
	}
	return h, date, err
}

// get reads a JSON answer, 200 or 503, and its Date.
func (d *doctor) get(ctx context.Context, url string, edit func(*http.Request) error, into any) (date time.Time, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return date, err
	}
	if edit != nil {
		if err := edit(req); err != nil {
			return date, err
		}
	}
	res, err := d.http.Do(req)
	if err != nil {
		return date, err
	}
	defer func() { _ = res.Body.Close() }() // read below
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusServiceUnavailable {
		return date, fmt.Errorf("it answers %d", res.StatusCode)
	}
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		return date, fmt.Errorf("its answer is no JSON: %w", err)
	}
	date, _ = http.ParseTime(res.Header.Get("Date")) // none: zero
	return date, nil
}

// mostSkew is how far clocks may be apart; Date has whole seconds.
const mostSkew = 3 * time.Second

// clock compares another machine's time with ours.
func (d *doctor) clock(subject string, there time.Time) {
	if there.IsZero() {
		return
	}
	skew := d.Now().Sub(there)
	if skew < -mostSkew || skew > mostSkew {
		d.warn(subject, "run NTP or chrony on both machines: keys' expiry and the months of quotas go by the clock", "it is %s off ours", skew.Round(time.Second))
	}
}
