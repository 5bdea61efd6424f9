package monitoring

// Dashboards returns every dashboard.
func Dashboards() []Dashboard { return []Dashboard{overview(), tenants(), workers(), models()} }

func graph(title, unit, about string, queries ...Query) Panel {
	return Panel{Title: title, Kind: "timeseries", Unit: unit, About: about, Queries: queries, Width: 12, Height: 8}
}

func number(title, unit, about, expr string) Panel {
	return Panel{Title: title, Kind: "stat", Unit: unit, About: about, Queries: []Query{{Expr: expr}}, Width: 4, Height: 4}
}

func overview() Dashboard {
	const one = `{endpoint=~"$endpoint"}`
	return Dashboard{
		UID: "omni-overview", Title: "Omni: overview", About: "What callers see, and whether the objectives hold.",
		Variables: []Variable{{"endpoint", "Endpoint", `label_values(api_requests_total, endpoint)`}},
		Panels: []Panel{
			number("Requests a second", "reqps", "All endpoints.", `sum(rate(api_requests_total[5m]))`),
			number("Failed", "percentunit", "Share of 5xx over an hour; the objective is 0.1 %.", failedRatio("1h")),
			number("Slow", "percentunit", "Share above a second over an hour, training left out; the objective is 1 %.", slowRatio("1h")),
			number("Calls waiting", "short", "Held for a worker, all gateways.", `sum(omni_gateway_queue_depth)`),
			number("Workers ready", "short", "As the gateways see them.", `max(count by (instance) (omni_gateway_worker_state{state="ready"} == 1))`),
			number("In flight", "short", "Requests being handled now.", `sum(api_active_requests{worker=""})`),
			graph("Requests by endpoint", "reqps", "Route patterns, never raw paths.", Query{`sum by (endpoint) (rate(api_requests_total` + one + `[5m]))`, "{{endpoint}}"}),
			graph("Answers by status", "reqps", "", Query{`sum by (status) (rate(api_requests_total` + one + `[5m]))`, "{{status}}"}),
			graph("Latency", "s", "From a request's arrival to the end of its answer, waiting for a worker included.",
				Query{`histogram_quantile(0.5, sum by (le) (rate(api_request_duration_seconds_bucket` + one + `[5m])))`, "p50"},
				Query{`histogram_quantile(0.95, sum by (le) (rate(api_request_duration_seconds_bucket` + one + `[5m])))`, "p95"},
				Query{`histogram_quantile(0.99, sum by (le) (rate(api_request_duration_seconds_bucket` + one + `[5m])))`, "p99"}),
			graph("Errors by code", "reqps", "The code of the error envelope; /docs says what each means.", Query{`sum by (error_type) (rate(api_errors_total` + one + `[5m]))`, "{{error_type}}"}),
			graph("Queue wait, 95 %", "s", "How long calls wait for a worker: the signal to scale on.", Query{quantile("0.95", "omni_gateway_queue_wait_seconds", "service", ""), "{{service}}"}),
			graph("Queue depth", "short", "Calls held for a worker, by service.", Query{`sum by (service) (omni_gateway_queue_depth)`, "{{service}}"}),
			graph("Cold starts and retries", "short", "Calls that waited for a start in five minutes, and calls sent again.",
				Query{`sum(increase(omni_gateway_cold_starts_total[5m]))`, "cold starts"}, Query{`sum by (reason) (increase(omni_gateway_retries_total[5m]))`, "retry: {{reason}}"}),
			graph("Budget burn", "short", "Times faster than the objective allows: 1 uses the month's budget in a month.",
				Query{failedRatio("1h") + " / 0.001", "availability"}, Query{slowRatio("1h") + " / 0.01", "latency"}),
		},
	}
}

func tenants() Dashboard {
	return Dashboard{
		UID: "omni-tenants", Title: "Omni: tenants, keys and limits", About: "Who is refused, and why. A tenant's own figures are in the usage API.",
		Panels: []Panel{
			{Title: "Where a tenant's figures are", Kind: "text", Width: 24, Height: 3, Text: "Tenants are no labels here, so that their number cannot grow the series. " +
				"`omni usage --tenant NAME` or `GET /admin/usage` has requests, units, errors and latency by tenant, route and day."},
			graph("Refused by a limit", "reqps", "By tier and limit.", Query{`sum by (tier, limit) (rate(api_rate_limit_refusals_total[5m]))`, "{{tier}} {{limit}}"}),
			graph("Refused keys", "reqps", "By reason.", Query{`sum by (reason) (rate(omni_gateway_keys_refused_total[5m]))`, "{{reason}}"}),
			graph("Refused before a worker", "reqps", "By error code.", Query{`sum by (code) (rate(omni_gateway_refusals_total[5m]))`, "{{code}}"}),
			graph("Key store", "s", "Time since it was last read; calls are refused after five minutes.", Query{`omni_gateway_key_store_age_seconds`, "{{instance}}"}),
			graph("Limits counted alone", "short", "1 while a gateway counts without the shared store.", Query{`omni_gateway_limits_local`, "{{instance}}"}),
			graph("Usage ledger", "short", "Entries in five minutes by what became of them; lost must stay at zero.",
				Query{`sum by (outcome) (increase(omni_gateway_ledger_entries_total[5m]))`, "{{outcome}}"}, Query{`sum(omni_gateway_ledger_pending_entries)`, "waiting in memory"}),
		},
	}
}

func workers() Dashboard {
	const w = `{worker=~"$worker"}`
	return Dashboard{
		UID: "omni-workers", Title: "Omni: workers", About: "What each worker does, as the gateways see it and as it says itself.",
		Variables: []Variable{{"worker", "Worker", `label_values(omni_gateway_worker_state, worker)`}},
		Panels: []Panel{
			graph("State", "short", "1 for the state a worker is in.", Query{`max by (worker, state) (omni_gateway_worker_state` + w + `) == 1`, "{{worker}} {{state}}"}),
			graph("Saturation", "percentunit", "Calls running over calls it takes at once.", Query{`max by (worker) (omni_gateway_worker_in_flight` + w + `) / max by (worker) (omni_gateway_worker_max_concurrency` + w + `)`, "{{worker}}"}),
			graph("Failures", "reqps", "Failed probes and calls, by class.", Query{`sum by (worker, class) (rate(omni_gateway_worker_failures_total` + w + `[5m]))`, "{{worker}} {{class}}"}),
			graph("Calls", "reqps", "Answered by the worker, by status.", Query{`sum by (worker, status) (rate(worker_requests_total` + w + `[5m]))`, "{{worker}} {{status}}"}),
			graph("Waiting for a slot", "short", "Inside the worker.", Query{`worker_waiting` + w, "{{worker}}"}),
			graph("Services ready", "short", "1 when ready.", Query{`worker_service_ready` + w, "{{worker}} {{service}}"}),
			graph("Memory", "bytes", "Resident, and what tenants' values take of it.",
				Query{`process_resident_memory_bytes` + w, "{{worker}} resident"}, Query{`sum by (worker) (worker_resident_bytes` + w + `)`, "{{worker}} tenants' values"}),
			graph("Processor", "short", "Cores in use.", Query{`rate(process_cpu_seconds_total` + w + `[5m])`, "{{worker}}"}),
			graph("Load time of services", "s", "How long each took to load.", Query{`max by (service) (worker_service_load_seconds` + w + `)`, "{{service}}"}),
			graph("Goroutines", "short", "", Query{`go_goroutines` + w, "{{worker}}"}),
		},
	}
}

func models() Dashboard {
	const m = `{model_type=~"$model"}`
	return Dashboard{
		UID: "omni-models", Title: "Omni: models", About: "How much each model is asked, and how long it takes.",
		Variables: []Variable{{"model", "Model", `label_values(model_requests_total, model_type)`}},
		Panels: []Panel{
			graph("Calls by model", "reqps", "", Query{`sum by (model_type) (rate(model_requests_total` + m + `[5m]))`, "{{model_type}}"}),
			graph("Time to answer, 50 %", "s", "", Query{quantile("0.5", "model_inference_duration_seconds", "model_type", m), "{{model_type}}"}),
			graph("Time to answer, 99 %", "s", "", Query{quantile("0.99", "model_inference_duration_seconds", "model_type", m), "{{model_type}}"}),
			graph("Busy seconds a second", "short", "How many calls of each model run at once, on average.", Query{`sum by (model_type) (rate(model_inference_duration_seconds_sum` + m + `[5m]))`, "{{model_type}}"}),
			graph("Tenants' values found in memory", "percentunit", "Share of look-ups that needed no load from disk.",
				Query{`sum by (cache) (rate(cache_hits_total[5m])) / (sum by (cache) (rate(cache_hits_total[5m])) + sum by (cache) (rate(cache_misses_total[5m])))`, "{{cache}}"}),
			graph("Memory of tenants' values", "bytes", "", Query{`sum by (cache) (worker_resident_bytes)`, "{{cache}}"}),
		},
	}
}
