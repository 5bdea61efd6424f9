// Package doctor looks at what a gateway needs before, or while, it runs, and
// says in one line what is wrong and how to mend it.
package doctor

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/omni-run/omni/internal/config"
)

// Outcome is how serious a finding is.
type Outcome string

// The outcomes: well, worth a thought, and in the way.
const (
	Well    Outcome = "ok"
	Warning Outcome = "warning"
	Fault   Outcome = "FAULT"
)

// Finding is what one check found.
type Finding struct {
	// Subject is what was looked at.
	Subject string
	Outcome Outcome
	// Found is what was seen; Mend what to do about it, empty when all is well.
	Found, Mend string
}

// Options say what to look at.
type Options struct {
	// ConfigPath is the gateway's configuration; empty for the defaults.
	ConfigPath string
	Getenv     func(string) string
	Now        func() time.Time
	// Patience bounds each look at another machine; default 5 s.
	Patience time.Duration
}

// doctor is one examination.
type doctor struct {
	Options
	config   config.Config
	http     *http.Client
	findings []Finding
}

// Run makes every check and returns what it found, in the order looked at.
func Run(ctx context.Context, o Options) []Finding {
	if o.Patience == 0 {
		o.Patience = 5 * time.Second
	}
	d := &doctor{Options: o, http: &http.Client{Timeout: o.Patience, Transport: &http.Transport{DisableKeepAlives: true}}}
	if !d.configuration() {
		return d.findings // nothing else can be known
	}
	d.dataFolder()
	d.openFiles()
	d.listening(ctx)
	d.keys(ctx)
	d.limitStore(ctx)
	d.workers(ctx)
	return d.findings
}

func (d *doctor) well(subject, found string, args ...any) {
	d.findings = append(d.findings, Finding{Subject: subject, Outcome: Well, Found: fmt.Sprintf(found, args...)})
}

func (d *doctor) warn(subject, mend, found string, args ...any) {
	d.findings = append(d.findings, Finding{subject, Warning, fmt.Sprintf(found, args...), mend})
}

func (d *doctor) fault(subject, mend, found string, args ...any) {
	d.findings = append(d.findings, Finding{subject, Fault, fmt.Sprintf(found, args...), mend})
}

// configuration reads it; everything else depends on it.
func (d *doctor) configuration() bool {
	const subject = "configuration"
	c, err := config.Load(d.ConfigPath, d.Getenv)
	if err != nil {
		d.fault(subject, "mend the file or the variable that the line names; examples/omni.yaml documents every field", "%s", err)
		return false
	}
	d.config = c
	where := "defaults and environment"
	if d.ConfigPath != "" {
		where = d.ConfigPath
	}
	d.well(subject, "%s: %s mode, %d workers, %d routes", where, c.Mode, len(c.Workers), len(c.Routes))
	switch {
	case c.Mode == config.ModeDevelopment:
		d.warn("mode", "set mode: production before anybody else can reach it", "development: the published demo keys are valid")
	case c.MasterKey == "":
		d.warn("master key", "set MASTER_API_KEY, at least 16 characters, if you want to make keys over HTTP", "none: /admin answers nobody")
	}
	return true
}
