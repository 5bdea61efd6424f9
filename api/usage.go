package api

// LatencyFigures are milliseconds. The percentiles come from a histogram whose
// buckets grow by a fifth, interpolated within the bucket.
type LatencyFigures struct {
	MeanMS float64 `json:"mean_ms"`
	P50MS  float64 `json:"p50_ms"`
	P95MS  float64 `json:"p95_ms"`
}

// UsageFigures is what was used. Errors are the requests answered with a
// status of 400 or more; ServerErrors those of 500 or more.
type UsageFigures struct {
	Requests     int64          `json:"requests"`
	Units        int64          `json:"units"`
	Errors       int64          `json:"errors"`
	ServerErrors int64          `json:"server_errors"`
	Latency      LatencyFigures `json:"latency"`
}

// UsageRow is the usage of one route on one day (UTC).
type UsageRow struct {
	Day   string `json:"day"`
	Route string `json:"route"`
	UsageFigures
}

// UsageMonth is where a tenant stands in the present month. UnitsLimit and
// UnitsLeft are absent for a tenant without a limit.
type UsageMonth struct {
	Month      string `json:"month"`
	UnitsUsed  int64  `json:"units_used"`
	UnitsLimit *int64 `json:"units_limit,omitempty"`
	UnitsLeft  *int64 `json:"units_left,omitempty"`
	ResetsAt   string `json:"resets_at"`
}

// UsageAnswer answers GET /usage. From and To are days (UTC), both included.
type UsageAnswer struct {
	Answer
	Tier string `json:"tier,omitempty"`
	// Limits in force for the caller at this moment, its own or its tier's;
	// absent where nobody is limited, and in reports about others.
	Limits *TenantLimits `json:"limits,omitempty"`
	From   string        `json:"from"`
	To     string        `json:"to"`
	Month  UsageMonth    `json:"month"`
	Total  UsageFigures  `json:"total"`
	Usage  []UsageRow    `json:"usage"`
}
