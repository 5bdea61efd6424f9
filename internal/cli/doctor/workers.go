package doctor

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/cli/contracttest"
	"github.com/omni-run/omni/internal/config"
)

// workers looks at each as the gateway would.
func (d *doctor) workers(ctx context.Context) {
	if len(d.config.Workers) == 0 {
		d.fault("workers", "name one under workers, or set OMNI_WORKER_URL", "none is configured: every call would wait in vain")
		return
	}
	served := map[string]bool{}
	for i := range d.config.Workers {
		for _, s := range d.worker(ctx, &d.config.Workers[i]) {
			served[s] = true
		}
	}
	missing := map[string]bool{}
	for _, r := range d.config.Routes {
		if !served[r.Service] {
			missing[r.Service] = true
		}
	}
	if len(missing) > 0 && len(served) > 0 {
		names := make([]string, 0, len(missing))
		for name := range missing {
			names = append(names, name)
		}
		slices.Sort(names)
		d.warn("services", "start a worker that has them, or drop the routes", "no worker here has %s", strings.Join(names, ", "))
	}
}

// worker checks one and returns the services it has.
func (d *doctor) worker(ctx context.Context, w *config.Worker) (services []string) {
	subject := "worker " + w.Name
	u, err := url.Parse(w.URL)
	if err != nil {
		d.fault(subject, "give it a URL such as http://10.0.0.7:9090", "%s", err)
		return nil
	}
	if net.ParseIP(u.Hostname()) == nil {
		look, cancel := context.WithTimeout(ctx, d.Patience)
		defer cancel()
		if _, err := net.DefaultResolver.LookupHost(look, u.Hostname()); err != nil {
			mend := "look at the name and at the resolver of this machine"
			if strings.HasSuffix(u.Hostname(), ".svc.cluster.local") {
				mend = "such names exist inside their cluster only: use an internal load balancer's address from elsewhere"
			}
			d.fault(subject, mend, "its name is not known here: %s", err)
			return nil
		}
	}
	var h api.WorkerHealth
	date, err := d.get(ctx, strings.TrimRight(w.URL, "/")+api.InternalPrefix+"/health", nil, &h)
	if err != nil {
		d.fault(subject, "start it, or correct its url; look for a network policy or firewall in between", "%s does not answer: %s", w.URL, err)
		return nil
	}
	d.clock("clock of "+w.Name, date)
	if h.Status != api.WorkerOK {
		d.warn(subject, "wait for it, or read its log if it stays so", "it is %s", h.Status)
	}
	for name := range h.Services {
		services = append(services, name)
	}
	d.contract(ctx, subject, w)
	return services
}

// contract runs the parts of the contract suite that need no call.
func (d *doctor) contract(ctx context.Context, subject string, w *config.Worker) {
	results, err := contracttest.Run(ctx, contracttest.Target{URL: w.URL, Token: w.Token, Patience: d.Patience})
	if err != nil {
		d.fault(subject, "correct its url", "%s", err)
		return
	}
	broken := false
	for _, r := range results {
		if r.Outcome == contracttest.Failed {
			broken = true
			d.fault(subject, r.Mend, "%s: %s", r.Check, r.Found)
		}
	}
	if !broken {
		d.well(subject, "%s answers and keeps the contract", w.URL)
	}
}
