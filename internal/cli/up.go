package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/internal/buildinfo"
	"github.com/omni-run/omni/internal/cli/child"
	"github.com/omni-run/omni/internal/cli/sample"
	"github.com/omni-run/omni/internal/cli/shortlog"
	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/gateway"
	"github.com/omni-run/omni/internal/observe"
)

// upFlags are the options of omni up.
type upFlags struct {
	listen   string
	data     string
	config   string
	log      string
	level    string
	noSample bool
	// toZero runs the worker only while there are calls.
	toZero bool
	idle   time.Duration
}

func (a *app) upCommand() *cobra.Command {
	var f upFlags
	c := &cobra.Command{
		Use: "up", Short: "Run everything on this machine, in development mode",
		Long: `Run the gateway and the native worker on this machine, with the demo keys
and sample data, until Ctrl-C. Data stay in --data. Development mode is for
one's own machine: its keys are known to everybody, so it listens on loopback.`,
		Example: "  omni up\n  omni up --listen 127.0.0.1:9000 --data ~/omni --no-sample\n  omni up --scale-to-zero --idle 30s",
		Args:    exactly(0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.up(cmd.Context(), &f) },
	}
	flags := c.Flags()
	flags.StringVar(&f.listen, "listen", "", "address to listen on (default 127.0.0.1:8080; port 0 takes a free one)")
	flags.StringVar(&f.data, "data", "", "folder for everything that is kept (default ./omni-data)")
	flags.StringVar(&f.config, "config", a.Getenv("OMNI_CONFIG"), "YAML configuration file; also OMNI_CONFIG")
	flags.StringVar(&f.log, "log", "text", "log lines on stderr: text or json")
	flags.StringVar(&f.level, "log-level", "info", "debug, info, warn or error")
	flags.BoolVar(&f.noSample, "no-sample", false, "load no sample data")
	flags.BoolVar(&f.toZero, "scale-to-zero", false, "run the worker only while it is needed: the first call starts it")
	flags.DurationVar(&f.idle, "idle", defaultIdle, "with --scale-to-zero: how long the worker may have nothing to do")
	return c
}

// defaultIdle is when omni up --scale-to-zero ends a worker nobody calls.
const defaultIdle = time.Minute

// drainTime is how long the worker may take to end its calls, after the
// gateway has ended its own.
const drainTime = 9 * time.Second

// stack is the gateway in this process and the worker beside it.
type stack struct {
	app    *app
	config config.Config
	log    *slog.Logger
	ln     net.Listener
	url    string
	token  string
	worker *child.Child
	where  string // the worker's address
	gate   *gateway.Gateway
}

func (a *app) up(ctx context.Context, f *upFlags) error {
	if err := oneOf("log", f.log, "text", "json"); err != nil {
		return err
	}
	if err := oneOf("log-level", f.level, "debug", "info", "warn", "error"); err != nil {
		return err
	}
	if f.idle < time.Second {
		return usageError{fmt.Errorf("--idle = %v, want at least 1s", f.idle)}
	}
	if f.idle != defaultIdle && !f.toZero {
		return usageError{errors.New("--idle is for --scale-to-zero")}
	}
	begun := a.Now()
	s := &stack{app: a, token: rand.Text()}
	var err error
	if s.config, err = a.developmentConfig(f); err != nil {
		return err
	}
	if s.log, err = a.upLog(f); err != nil {
		return err
	}
	if err := s.start(ctx, f); err != nil {
		// Interrupted while it started: that is no failure.
		if ctx.Err() != nil {
			return s.stop(ctx)
		}
		return errors.Join(err, s.stop(ctx))
	}
	served := make(chan error, 1)
	go func() { served <- s.gate.Serve(ctx, s.ln) }()
	background, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { s.welcome(background, begun, f) })
	err = <-served
	cancel()
	wg.Wait()
	return errors.Join(err, s.stop(ctx))
}

// upLog writes short lines for a person, or JSON.
func (a *app) upLog(f *upFlags) (*slog.Logger, error) {
	if f.log == "json" {
		return observe.NewLogger(a.Stderr, observe.LogOptions{Level: f.level, Format: f.log})
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.level)); err != nil {
		return nil, usageError{err}
	}
	return slog.New(shortlog.New(a.Stderr, level)), nil
}

// developmentConfig is the configuration that the flags, the file and the
// environment give, in development mode whatever they say.
func (a *app) developmentConfig(f *upFlags) (config.Config, error) {
	getenv := func(name string) string {
		switch {
		case name == "OMNI_MODE":
			return config.ModeDevelopment
		case name == "OMNI_LISTEN" && f.listen != "":
			return f.listen
		case name == "PORT" && f.listen != "":
			return ""
		case name == "OMNI_DATA_DIR" && f.data != "":
			return f.data
		}
		return a.Getenv(name)
	}
	return config.Load(f.config, getenv)
}

// start listens, starts the worker, and opens the gateway in front of it.
func (s *stack) start(ctx context.Context, f *upFlags) (err error) {
	if s.ln, err = s.app.listen(ctx, s.config.Listen); err != nil {
		return err
	}
	s.url = "http://" + reachable(s.ln.Addr())
	if err := usableFolder(s.config.DataDir); err != nil {
		return err
	}
	if slices.ContainsFunc(s.config.Workers, func(w config.Worker) bool { return w.Name == "native" }) {
		return errors.New(`the configuration has a worker named "native", which is the one that omni up starts; give it another name`)
	}
	native, err := s.nativeWorker(ctx, f)
	if err != nil {
		return err
	}
	s.config.Workers = append(s.config.Workers, native)
	reporter, err := observe.NewReporter(observe.ReportOptions{
		DSN: s.config.Sentry.DSN, Environment: s.config.Sentry.Environment, Release: buildinfo.Version(), Component: "gateway",
	}, s.log)
	if err != nil {
		return err
	}
	s.gate, err = gateway.Open(ctx, gateway.Options{
		Config: s.config, Version: buildinfo.Version(), Log: s.log, Reporter: reporter,
		Getenv: s.app.Getenv, Environ: s.workerEnvironment(f), WorkerOutput: s.app.Stderr,
	})
	return err
}

// usableFolder makes the data folder and writes to it once: better one clear
// word now than several from whoever needs it first.
func usableFolder(dir string) error {
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		var f *os.File
		if f, err = os.CreateTemp(dir, ".probe"); err == nil {
			err = errors.Join(f.Close(), os.Remove(f.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("the data folder %s cannot be used (%w): choose another with --data", dir, underlying(err))
	}
	return nil
}

// nativeWorker is this program's own worker: started now, or left to the
// gateway, which starts it at the first call.
func (s *stack) nativeWorker(ctx context.Context, f *upFlags) (config.Worker, error) {
	w := config.Worker{Name: "native", Token: s.token}
	if !f.toZero {
		err := s.startWorker(ctx, f)
		w.URL = "http://" + s.where
		return w, err
	}
	self, err := os.Executable()
	if err != nil {
		return w, fmt.Errorf("finding this program, to start the worker: %w", err)
	}
	if s.where, err = freeAddress(ctx); err != nil {
		return w, err
	}
	w.URL = "http://" + s.where
	w.Wake = config.Wake{
		Kind: config.WakeProcess, Command: []string{self, "worker", "--attached"}, Env: map[string]string{"OMNI_WORKER_LISTEN": s.where},
		Idle: config.Duration(f.idle), Timeout: config.Duration(time.Minute), StopGrace: config.Duration(drainTime),
	}
	return w, nil
}

// freeAddress is one on loopback where nothing listens at the moment.
func freeAddress(ctx context.Context) (string, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a port for the worker: %w", err)
	}
	return ln.Addr().String(), ln.Close()
}

// startWorker runs this program again as a worker, on a port of its choice. The
// token that the two share is made for this run, and passed in the environment,
// where other users of the machine cannot read it.
func (s *stack) startWorker(ctx context.Context, f *upFlags) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program, to start the worker: %w", err)
	}
	s.worker = child.Start(child.Options{
		Path: self, Args: []string{"worker", "--announce"}, Env: s.workerEnvironment(f), ListenVariable: "OMNI_WORKER_LISTEN",
		Stderr: s.app.Stderr, Log: s.log,
	})
	patience, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if s.where, err = s.worker.Address(patience); err != nil {
		return fmt.Errorf("starting the worker: %w", err)
	}
	return nil
}

func (s *stack) workerEnvironment(f *upFlags) []string {
	var env []string
	for _, pair := range os.Environ() {
		// The worker knows no keys, and takes its place from us alone.
		switch name, _, _ := strings.Cut(pair, "="); name {
		case "MASTER_API_KEY", "PORT", "OMNI_WORKER_LISTEN", "OMNI_WORKER_TOKEN", "OMNI_WORKER_TOKEN_FILE":
		default:
			env = append(env, pair)
		}
	}
	// To a person, what the worker does shows in the gateway's lines; of its own
	// ones only the troubles are worth a look.
	level := f.level
	if f.log == "text" && level == "info" {
		level = "warn"
	}
	return append(env, "OMNI_WORKER_LISTEN=127.0.0.1:0", "OMNI_WORKER_TOKEN="+s.token, "OMNI_DATA_DIR="+s.config.DataDir,
		"OMNI_LOG_FORMAT="+f.log, "OMNI_LOG_LEVEL="+level)
}

// stop ends what was started, the gateway first: its calls need the worker.
func (s *stack) stop(ctx context.Context) error {
	var errs []error
	switch {
	case s.gate != nil:
		errs = append(errs, closeGateway(ctx, s.gate))
	case s.ln != nil:
		errs = append(errs, s.ln.Close())
	}
	if s.worker != nil {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		errs = append(errs, s.worker.Stop(stop))
	}
	if s.log != nil && s.gate != nil {
		s.log.Info("stopped", "data", s.config.DataDir)
	}
	return errors.Join(errs...)
}

// welcome waits until every service is ready, says so, and loads the sample
// data.
func (s *stack) welcome(ctx context.Context, begun time.Time, f *upFlags) {
	if f.toZero {
		s.log.Info("the worker is asleep; the first call starts it", "idle", f.idle.String())
	} else if err := s.awaitReady(ctx); err != nil {
		if ctx.Err() == nil {
			s.log.Error("the worker is not ready; calls wait for it", "error", err)
		}
		return
	}
	if err := s.greet(s.app.Now().Sub(begun)); err != nil {
		s.log.Warn("the greeting could not be written", "error", err)
	}
	if f.noSample {
		return
	}
	s.log.Info("loading sample data for the demo tenants, in the background")
	loader := sample.Loader{URL: s.url, Marker: filepath.Join(s.config.DataDir, "sample.json"), Log: s.log}
	if err := loader.Load(ctx, sample.Tenants()); err != nil && ctx.Err() == nil {
		s.log.Warn("sample data were not loaded; the next start tries again", "error", err)
	}
}

// reachable is the address under which this machine reaches a listener.
func reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
