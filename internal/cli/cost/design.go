package cost

import (
	"fmt"
	"math"
)

// Line is one position of a bill.
type Line struct {
	What string
	// Formula is how USD comes about, with the figures in it.
	Formula string
	USD     float64
}

// Estimate is a design's bill for a month.
type Estimate struct {
	Design string
	About  string
	Lines  []Line
	// FromMemory says that a price in it was not compared with its source.
	FromMemory bool
}

// USD is the sum.
func (e *Estimate) USD() float64 {
	sum := 0.0
	for _, l := range e.Lines {
		sum += l.USD
	}
	return sum
}

func (e *Estimate) add(what string, usd float64, formula string, args ...any) {
	e.Lines = append(e.Lines, Line{what, fmt.Sprintf(formula, args...), usd})
}

// machine is what one instance of a half is given.
type machine struct{ vcpu, gib float64 }

// The sizes that the designs use; deploy/ asks for the same.
var (
	gatewayOnRun  = machine{1, 0.25}
	workerOnRun   = machine{1, 0.5}
	gatewayOnGKE  = machine{0.25, 0.25}
	workerOnGKE   = machine{1, 1}
	originalHeavy = machine{4, 8}
	vmShape       = machine{2, 8}
)

// utilisation is how busy a machine that cannot grow by itself may be on
// average, so that peaks of twice the mean still fit.
const utilisation = 0.5

// Estimates returns the month's bill of every design, the original first.
func Estimates(p *Prices, l Load) []Estimate {
	return []Estimate{original(p, l), cloudRun(p, l), gke(p, l), vm(p, l)}
}

// original is the system this project replaces: one heavy worker that never
// sleeps on GKE Autopilot behind an internal balancer, the gateway on Cloud Run.
func original(p *Prices, l Load) Estimate {
	e := Estimate{Design: "original", About: "one 4 vCPU, 8 GiB worker always on in GKE Autopilot, gateway on Cloud Run"}
	e.pods(p, "worker", originalHeavy, workers(l, originalHeavy.vcpu, p.Hours, 1))
	e.add("internal balancer", p.ForwardingRuleHour.USD*p.Hours, "%g h x %g", p.Hours, p.ForwardingRuleHour.USD)
	e.cluster(p, l)
	e.run(p, l, []half{{"gateway", gatewayOnRun, l.gatewaySeconds()}})
	return e
}

// cloudRun is both halves on Cloud Run, scaled to zero.
func cloudRun(p *Prices, l Load) Estimate {
	e := Estimate{Design: "cloud-run", About: "gateway and worker on Cloud Run, both scale to zero"}
	e.run(p, l, []half{{"gateway", gatewayOnRun, l.gatewaySeconds()}, {"worker", workerOnRun, l.workerSeconds()}})
	if l.Warm > 0 {
		seconds := l.Warm * p.Hours * 3600
		for _, h := range []half{{"gateway", gatewayOnRun, 0}, {"worker", workerOnRun, 0}} {
			usd := seconds * (h.vcpu*p.RunIdleVCPUSecond.USD + h.gib*p.RunIdleGiBSecond.USD)
			e.add("warm "+h.name, usd, "%g x %g h idle of %g vCPU, %g GiB", l.Warm, p.Hours, h.vcpu, h.gib)
		}
	}
	return e
}

// gke is two of each half in an Autopilot cluster behind a public balancer.
func gke(p *Prices, l Load) Estimate {
	e := Estimate{Design: "gke", About: "two gateways and at least two workers in GKE Autopilot, always on"}
	e.pods(p, "gateway", gatewayOnGKE, 2)
	e.pods(p, "worker", workerOnGKE, workers(l, workerOnGKE.vcpu, p.Hours, 2))
	e.add("public balancer", p.ForwardingRuleHour.USD*p.Hours, "%g h x %g", p.Hours, p.ForwardingRuleHour.USD)
	e.add("balanced traffic", l.gib()*p.BalancedGiB.USD, "%.1f GiB x %g", l.gib(), p.BalancedGiB.USD)
	e.cluster(p, l)
	return e
}

// vm is everything on machines of 2 vCPU, 8 GiB.
func vm(p *Prices, l Load) Estimate {
	n := workers(l, vmShape.vcpu, p.Hours, 1)
	e := Estimate{Design: "vm", About: "everything on one virtual machine of 2 vCPU, 8 GiB; more of them as the load asks"}
	usd := n * p.Hours * (vmShape.vcpu*p.VMVCPUHour.USD + vmShape.gib*p.VMGiBHour.USD)
	e.add("machine", usd, "%g x %g h x (%g vCPU x %g + %g GiB x %g)", n, p.Hours, vmShape.vcpu, p.VMVCPUHour.USD, vmShape.gib, p.VMGiBHour.USD)
	e.add("disk", n*20*p.VMDiskGiBMonth.USD, "%g x 20 GiB x %g", n, p.VMDiskGiBMonth.USD)
	e.FromMemory = p.VMVCPUHour.fromMemory() || p.VMGiBHour.fromMemory() || p.VMDiskGiBMonth.fromMemory()
	return e
}

// workers is how many machines of so many cores the month's work keeps busy at
// the allowed utilisation, at least least.
func workers(l Load, vcpu, hours, least float64) float64 {
	return max(least, math.Ceil(l.workerSeconds()/(hours*3600*vcpu*utilisation)))
}

func (e *Estimate) pods(p *Prices, name string, m machine, n float64) {
	const disk = 1 // GiB of ephemeral storage that a pod asks for
	usd := n * p.Hours * (m.vcpu*p.AutopilotVCPUHour.USD + m.gib*p.AutopilotGiBHour.USD + disk*p.AutopilotDiskGiBHour.USD)
	e.add(name+" pods", usd, "%g x %g h x (%g vCPU x %g + %g GiB x %g + disk)",
		n, p.Hours, m.vcpu, p.AutopilotVCPUHour.USD, m.gib, p.AutopilotGiBHour.USD)
}

func (e *Estimate) cluster(p *Prices, l Load) {
	fee := p.GKEClusterHour.USD * p.Hours
	if l.Credit {
		e.add("cluster", max(0, fee-p.GKEMonthCredit.USD), "%g h x %g less the credit of %.2f", p.Hours, p.GKEClusterHour.USD, p.GKEMonthCredit.USD)
		return
	}
	e.add("cluster", fee, "%g h x %g", p.Hours, p.GKEClusterHour.USD)
}

// half is one service on Cloud Run and the seconds it is busy.
type half struct {
	name string
	machine
	seconds float64
}

// run adds Cloud Run's request-based billing: an instance bills while it has at
// least one request; the free allowance is the billing account's, shared.
func (e *Estimate) run(p *Prices, l Load, halves []half) {
	var vcpu, gib float64
	for _, h := range halves {
		vcpu += h.seconds / l.InFlight * h.vcpu
		gib += h.seconds / l.InFlight * h.gib
	}
	requests := l.Requests * float64(len(halves))
	over := func(used, free float64) float64 { return max(0, used-free) }
	e.add("Cloud Run processors", over(vcpu, p.RunFreeVCPUSeconds)*p.RunVCPUSecond.USD,
		"(%.0f vCPU-s - %.0f free) x %g", vcpu, p.RunFreeVCPUSeconds, p.RunVCPUSecond.USD)
	e.add("Cloud Run memory", over(gib, p.RunFreeGiBSeconds)*p.RunGiBSecond.USD,
		"(%.0f GiB-s - %.0f free) x %g", gib, p.RunFreeGiBSeconds, p.RunGiBSecond.USD)
	e.add("Cloud Run requests", over(requests, p.RunFreeRequests)/1e6*p.RunMillionRequests.USD,
		"(%.1f M - %.1f M free) x %g", requests/1e6, p.RunFreeRequests/1e6, p.RunMillionRequests.USD)
}
