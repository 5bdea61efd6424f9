// Package cost estimates what a month of Omni costs in four designs, from unit
// prices in a data file and formulas in the open.
package cost

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
)

// Price is one unit price.
type Price struct {
	// USD is the list price in US dollars for one unit.
	USD float64 `yaml:"usd"`
	// Checked is the day, as 2026-01-31, somebody compared it with Source.
	Checked string `yaml:"checked"`
	Source  string `yaml:"source"`
}

// Prices is the data file: every price and free allowance the designs use.
type Prices struct {
	Region string  `yaml:"region"`
	Hours  float64 `yaml:"hours"`

	RunVCPUSecond      Price   `yaml:"run_vcpu_second"`
	RunGiBSecond       Price   `yaml:"run_gib_second"`
	RunMillionRequests Price   `yaml:"run_million_requests"`
	RunIdleVCPUSecond  Price   `yaml:"run_idle_vcpu_second"`
	RunIdleGiBSecond   Price   `yaml:"run_idle_gib_second"`
	RunFreeVCPUSeconds float64 `yaml:"run_free_vcpu_seconds"`
	RunFreeGiBSeconds  float64 `yaml:"run_free_gib_seconds"`
	RunFreeRequests    float64 `yaml:"run_free_requests"`

	AutopilotVCPUHour    Price `yaml:"autopilot_vcpu_hour"`
	AutopilotGiBHour     Price `yaml:"autopilot_gib_hour"`
	AutopilotDiskGiBHour Price `yaml:"autopilot_disk_gib_hour"`
	GKEClusterHour       Price `yaml:"gke_cluster_hour"`
	GKEMonthCredit       Price `yaml:"gke_month_credit"`
	ForwardingRuleHour   Price `yaml:"forwarding_rule_hour"`
	BalancedGiB          Price `yaml:"balanced_gib"`

	VMVCPUHour     Price `yaml:"vm_vcpu_hour"`
	VMGiBHour      Price `yaml:"vm_gib_hour"`
	VMDiskGiBMonth Price `yaml:"vm_disk_gib_month"`
}

//go:embed prices.yaml
var shipped []byte

// Shipped returns the prices that come with the program.
func Shipped() (*Prices, error) { return Parse(shipped) }

// Parse reads a price file; an unknown or missing entry is an error.
func Parse(text []byte) (*Prices, error) {
	p := &Prices{}
	if err := yaml.UnmarshalWithOptions(text, p, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("reading prices: %w", err)
	}
	if p.Hours <= 0 || p.Hours > 744 {
		return nil, fmt.Errorf("reading prices: hours is %g; a month has at most 744", p.Hours)
	}
	for name, u := range p.named() {
		if !(u.USD > 0) || u.Checked == "" || u.Source == "" {
			return nil, fmt.Errorf("reading prices: %s needs usd above 0, checked and source", name)
		}
	}
	return p, nil
}

func (p *Prices) named() map[string]Price {
	return map[string]Price{
		"run_vcpu_second": p.RunVCPUSecond, "run_gib_second": p.RunGiBSecond, "run_million_requests": p.RunMillionRequests,
		"run_idle_vcpu_second": p.RunIdleVCPUSecond, "run_idle_gib_second": p.RunIdleGiBSecond,
		"autopilot_vcpu_hour": p.AutopilotVCPUHour, "autopilot_gib_hour": p.AutopilotGiBHour,
		"autopilot_disk_gib_hour": p.AutopilotDiskGiBHour, "gke_cluster_hour": p.GKEClusterHour,
		"gke_month_credit": p.GKEMonthCredit, "forwarding_rule_hour": p.ForwardingRuleHour, "balanced_gib": p.BalancedGiB,
		"vm_vcpu_hour": p.VMVCPUHour, "vm_gib_hour": p.VMGiBHour, "vm_disk_gib_month": p.VMDiskGiBMonth,
	}
}

// fromMemory reports that nobody compared the price with its source.
func (u Price) fromMemory() bool { return strings.HasPrefix(u.Source, "memory") }

// Checked returns the first and last day on which a price was compared with
// its source.
func (p *Prices) Checked() (first, last string) {
	for _, u := range p.named() {
		if first == "" || u.Checked < first {
			first = u.Checked
		}
		last = max(last, u.Checked)
	}
	return first, last
}
