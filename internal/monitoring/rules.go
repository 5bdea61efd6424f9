// Package monitoring holds what an operator watches Omni with: recording and
// alerting rules for Prometheus and dashboards for Grafana, written from one
// place so that a metric's name and an objective stand once. The files under
// deploy/prometheus and deploy/grafana are its output.
package monitoring

import (
	"fmt"

	"github.com/goccy/go-yaml"
)

// Rule is one recording or alerting rule of Prometheus.
type Rule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// Group is rules that Prometheus evaluates together.
type Group struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval,omitempty"`
	Rules    []Rule `yaml:"rules"`
}

// Groups returns every rule.
func Groups() []Group {
	return []Group{
		{Name: "omni-recording", Interval: "30s", Rules: recordings()},
		{Name: "omni-objectives", Rules: burnAlerts()},
		{Name: "omni-gateway", Rules: gatewayAlerts()},
		{Name: "omni-workers", Rules: workerAlerts()},
	}
}

// RulesFile is the file that Prometheus reads.
func RulesFile() ([]byte, error) {
	text, err := yaml.MarshalWithOptions(map[string][]Group{"groups": Groups()}, yaml.IndentSequence(true))
	if err != nil {
		return nil, fmt.Errorf("writing rules: %w", err)
	}
	return append([]byte("# Written by internal/monitoring/generate; do not edit.\n"), text...), nil
}

// The windows over which the objectives are watched.
var windows = []string{"5m", "30m", "1h", "2h", "6h", "1d", "3d"}

// recordings are the sums that dashboards and alerts share. What a caller did
// wrong (4xx) is no fault of the platform's; training may take minutes, so the
// latency objective leaves it out.
func recordings() []Rule {
	out := []Rule{
		{Record: "omni:requests:rate5m", Expr: `sum by (endpoint) (rate(api_requests_total[5m]))`},
		{Record: "omni:errors:rate5m", Expr: `sum by (endpoint, error_type) (rate(api_errors_total[5m]))`},
		{Record: "omni:latency_seconds:p50", Expr: quantile("0.5", "api_request_duration_seconds", "endpoint", "")},
		{Record: "omni:latency_seconds:p99", Expr: quantile("0.99", "api_request_duration_seconds", "endpoint", "")},
		{Record: "omni:queue_wait_seconds:p95", Expr: quantile("0.95", "omni_gateway_queue_wait_seconds", "service", "")},
		{Record: "omni:queue_depth:sum", Expr: `sum by (service) (omni_gateway_queue_depth)`},
	}
	for _, w := range windows {
		out = append(out,
			Rule{Record: "omni:failed:ratio_rate" + w, Expr: failedRatio(w)},
			Rule{Record: "omni:slow:ratio_rate" + w, Expr: slowRatio(w)},
		)
	}
	return out
}

func quantile(q, histogram, by, match string) string {
	return fmt.Sprintf("histogram_quantile(%s, sum by (%s, le) (rate(%s_bucket%s[5m])))", q, by, histogram, match)
}

// failedRatio is the share of requests answered with a 5xx. There is no such
// series before the first failure, hence the zero.
func failedRatio(window string) string {
	return fmt.Sprintf(`(sum(rate(api_requests_total{status=~"5.."}[%[1]s])) or vector(0)) / sum(rate(api_requests_total[%[1]s]))`, window)
}

// slowRatio is the share of requests that took longer than a second. The bound
// reads "1" or "1.0", as the version of Prometheus and the format scraped have it.
func slowRatio(window string) string {
	const not = `endpoint!~".*/train"`
	return fmt.Sprintf(`(1 - sum(rate(api_request_duration_seconds_bucket{le=~"1|1[.]0",%[2]s}[%[1]s])) / sum(rate(api_request_duration_seconds_count{%[2]s}[%[1]s])))`, window, not)
}
