package monitoring

import (
	"fmt"
	"strings"
)

// Severities: a page wakes somebody, a ticket waits for the morning.
const (
	page   = "page"
	ticket = "ticket"
)

// RunbookURL is where the annotation runbook_url of every alert points.
const RunbookURL = "https://github.com/omni-run/omni/blob/main/docs/runbook.md"

func alert(name, severity, wait, expr, summary, description string) Rule {
	return Rule{
		Alert: name, Expr: expr, For: wait, Labels: map[string]string{"severity": severity},
		Annotations: map[string]string{
			"summary": summary, "description": description, "runbook_url": RunbookURL + "#" + strings.ToLower(name),
		},
	}
}

// Objectives over 30 days: of all requests, this share may fail or be slow.
const (
	failedBudget = 0.001
	slowBudget   = 0.01
)

// burn is one rule of multiwindow, multi-burn-rate alerting (The Site
// Reliability Workbook, 2018, chapter 5): the budget burns so fast over the
// long window, and still does over the short one.
var burns = []struct {
	name, severity, long, short string
	rate                        float64
}{
	{"Fast", page, "1h", "5m", 14.4},
	{"Steady", page, "6h", "30m", 6},
	{"Slow", ticket, "1d", "2h", 3},
	{"Creeping", ticket, "3d", "6h", 1},
}

func burnAlerts() (out []Rule) {
	for _, o := range []struct {
		name, series, what string
		budget             float64
	}{
		{"OmniAvailabilityBurn", "omni:failed:ratio_rate", "requests fail", failedBudget},
		{"OmniLatencyBurn", "omni:slow:ratio_rate", "requests take longer than a second", slowBudget},
	} {
		for _, b := range burns {
			limit := b.rate * o.budget
			out = append(out, alert(o.name+b.name, b.severity, "2m",
				fmt.Sprintf("%[1]s%[2]s > %[4]g and %[1]s%[3]s > %[4]g", o.series, b.long, b.short, limit),
				fmt.Sprintf("%s %g times faster than the objective allows", o.what, b.rate),
				fmt.Sprintf("{{ $value | humanizePercentage }} over %s; the objective is %g %% over 30 days.", b.long, 100*o.budget)))
		}
	}
	return out
}

func gatewayAlerts() []Rule {
	return []Rule{
		alert("OmniGatewayDown", page, "2m", `up{job=~".*omni.*"} == 0 or absent(omni_build_info{component="gateway"})`,
			"a gateway cannot be scraped", "Nobody answers at {{ $labels.instance }}, or no gateway is known at all."),
		alert("OmniGatewayRestarting", ticket, "0m", `changes(process_start_time_seconds{worker=""}[1h]) > 3`,
			"a gateway starts again and again", "{{ $labels.instance }} started {{ $value }} times within an hour."),
		alert("OmniQueueFull", page, "2m", `sum by (service) (rate(omni_gateway_queue_overflows_total[5m])) > 0`,
			"calls are refused because the hold queue is full", "{{ $value | humanize }} calls a second to {{ $labels.service }} get 503 queue_full."),
		alert("OmniQueueWaitLong", ticket, "10m", `omni:queue_wait_seconds:p95 > 5`,
			"calls wait long for a worker", "95 % of the calls to {{ $labels.service }} wait up to {{ $value | humanizeDuration }}: add workers."),
		alert("OmniLedgerLost", page, "0m", `increase(omni_gateway_ledger_entries_total{outcome="lost"}[15m]) > 0`,
			"usage was lost", "{{ $value | humanize }} answered calls are missing in the ledger of {{ $labels.instance }}."),
		alert("OmniLedgerBehind", ticket, "5m", `omni_gateway_ledger_pending_entries > 0`,
			"usage cannot be written", "{{ $value }} entries wait in memory at {{ $labels.instance }}: its disk takes nothing."),
		alert("OmniKeyStoreStale", page, "2m", `omni_gateway_key_store_age_seconds > 120`,
			"the key store is out of reach", "{{ $labels.instance }} last read it {{ $value | humanizeDuration }} ago; after 5 minutes calls are refused."),
		alert("OmniLimitsLocal", ticket, "5m", `omni_gateway_limits_local == 1 and on (instance) increase(omni_gateway_limit_store_fallbacks_total[1d]) > 0`,
			"rate limits are counted without the shared store", "{{ $labels.instance }} grants its share of each limit by itself: Redis is away."),
		alert("OmniRetryBudgetSpent", ticket, "5m", `rate(omni_gateway_retry_budget_exhausted_total[5m]) > 0`,
			"workers break more often than retries may mend", "{{ $labels.instance }} gives up calls it would otherwise have sent again."),
		alert("OmniKeysGuessed", ticket, "10m", `sum by (instance) (rate(omni_gateway_keys_refused_total{reason=~"unknown|malformed"}[5m])) > 5`,
			"somebody tries keys", "{{ $value | humanize }} unknown keys a second at {{ $labels.instance }}."),
		alert("OmniMetricsDropped", ticket, "15m", `sum by (instance, reason) (increase(omni_gateway_metrics_dropped_total[15m])) > 0`,
			"metrics of a worker are left out", "{{ $labels.instance }} drops them: {{ $labels.reason }}."),
	}
}

func workerAlerts() []Rule {
	return []Rule{
		alert("OmniNoWorkerReady", page, "5m", `sum by (instance) (omni_gateway_worker_state{state="ready"}) == 0 and on (instance) sum by (instance) (omni_gateway_queue_depth) > 0`,
			"calls wait and no worker is ready", "{{ $labels.instance }} holds calls and sees no ready worker for 5 minutes."),
		alert("OmniWorkerUnreachable", ticket, "5m", `omni_gateway_worker_state{state="unreachable"} == 1`,
			"a worker does not answer", "{{ $labels.worker }}, seen from {{ $labels.instance }}."),
		alert("OmniWorkerFailing", ticket, "5m", `sum by (worker, class) (rate(omni_gateway_worker_failures_total[5m])) > 0.1`,
			"probes or calls to a worker fail", "{{ $labels.worker }}: {{ $value | humanize }} a second, {{ $labels.class }}."),
		alert("OmniServiceNotReady", ticket, "10m", `worker_service_ready == 0`,
			"a service does not become ready", "{{ $labels.service }} of {{ $labels.worker }} is not ready after 10 minutes."),
		alert("OmniWakeUnproven", ticket, "15m", `omni_gateway_worker_wake_unproven == 1`,
			"a worker cannot be woken as the new configuration says", "{{ $labels.worker }}, tried by {{ $labels.instance }}."),
		alert("OmniWorkerSaturated", ticket, "15m", `omni_gateway_worker_in_flight / omni_gateway_worker_max_concurrency > 0.9`,
			"a worker runs as much as it takes", "{{ $labels.worker }} is at {{ $value | humanizePercentage }} of max_concurrency: add another."),
	}
}
