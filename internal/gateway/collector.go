package gateway

import (
	"github.com/prometheus/client_golang/prometheus"
)

// partsCollector reads the counters that the key cache, the ledger and the
// shared limits keep of themselves, when it is scraped.
type partsCollector struct{ g *Gateway }

func newPartsCollector(g *Gateway) *partsCollector { return &partsCollector{g} }

var (
	descKeyLookups = prometheus.NewDesc("omni_gateway_key_lookups_total", "Credentials looked up, by whether memory knew them.", []string{"found"}, nil)
	descRefused    = prometheus.NewDesc("omni_gateway_keys_refused_total", "Credentials refused, by reason.", []string{"reason"}, nil)
	descStoreAge   = prometheus.NewDesc("omni_gateway_key_store_age_seconds", "Time since the key store was last read without error.", nil, nil)
	descTokens     = prometheus.NewDesc("omni_gateway_tokens_total", "Bearer tokens of the identity provider, by what became of them.", []string{"outcome"}, nil)
	descIssuerAge  = prometheus.NewDesc("omni_gateway_token_keys_age_seconds", "Time since the token issuer's keys were last fetched.", nil, nil)
	descIssuerErrs = prometheus.NewDesc("omni_gateway_token_keys_errors_total", "Failures to fetch the token issuer's keys.", nil, nil)
	descLedger     = prometheus.NewDesc("omni_gateway_ledger_entries_total", "Entries of the usage ledger, by what became of them.", []string{"outcome"}, nil)
	descPending    = prometheus.NewDesc("omni_gateway_ledger_pending_entries", "Entries kept in memory because the disk takes nothing.", nil, nil)
	descWriteFault = prometheus.NewDesc("omni_gateway_ledger_errors_total", "Failures of the usage ledger, by step.", []string{"step"}, nil)
	descFallbacks  = prometheus.NewDesc("omni_gateway_limit_store_fallbacks_total", "Times the shared limit store was given up for the local share.", nil, nil)
	descLocalTakes = prometheus.NewDesc("omni_gateway_limit_store_local_decisions_total", "Calls whose rate the local share decided because the shared limit store did not.", nil, nil)
	descCacheBytes = prometheus.NewDesc("omni_gateway_response_cache_bytes", "Size of the answers kept to be given again.", nil, nil)
	descCacheCount = prometheus.NewDesc("omni_gateway_response_cache_answers", "Answers kept to be given again.", nil, nil)
	descCacheEvict = prometheus.NewDesc("omni_gateway_response_cache_evictions_total", "Answers dropped before their time to make room.", nil, nil)
	descReloads    = prometheus.NewDesc("omni_gateway_config_reloads_total", "Times the configuration was read again, by what became of it.", []string{"outcome"}, nil)
	descLoadedAt   = prometheus.NewDesc("omni_gateway_config_loaded_timestamp_seconds", "When the configuration in force was put into force, in Unix time.", nil, nil)
	descLimitScope = prometheus.NewDesc("omni_gateway_limits_local", "1 when rate limits are counted by this process alone.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *partsCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descKeyLookups, descRefused, descStoreAge, descTokens, descIssuerAge, descIssuerErrs, descLedger, descPending, descWriteFault, descLimitScope, descFallbacks, descLocalTakes, descCacheBytes, descCacheCount, descCacheEvict, descReloads, descLoadedAt} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *partsCollector) Collect(ch chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	for outcome, n := range c.g.config.counts() {
		counter(descReloads, n, outcome)
	}
	gauge(descLoadedAt, float64(c.g.config.state.Load().at.UnixMilli())/1000)
	keys := c.g.auth.Stats()
	counter(descKeyLookups, keys.Hits, "true")
	counter(descKeyLookups, keys.Misses, "false")
	for reason, n := range map[string]uint64{
		"malformed": keys.Malformed, "unknown": keys.Unknown, "revoked": keys.Revoked, "expired": keys.Expired,
		"disabled": keys.Disabled, "unavailable": keys.Unavailable,
	} {
		counter(descRefused, n, reason)
	}
	gauge(descStoreAge, keys.Age.Seconds())
	if c.g.tokens != nil {
		tokens := c.g.tokens.Stats()
		for outcome, n := range map[string]uint64{
			"accepted": tokens.Accepted, "malformed": tokens.Malformed, "signature": tokens.Signature, "claims": tokens.Claims,
			"expired": tokens.Expired, "tenant": tokens.Tenant, "unavailable": tokens.Unavailable,
		} {
			counter(descTokens, n, outcome)
		}
		gauge(descIssuerAge, tokens.Age.Seconds())
		counter(descIssuerErrs, tokens.FetchErrors)
	}
	ledger := c.g.ledger.Stats()
	counter(descLedger, ledger.Recorded, "recorded")
	counter(descLedger, ledger.Folded, "folded")
	counter(descLedger, ledger.Lost, "lost")
	gauge(descPending, float64(ledger.Pending))
	counter(descWriteFault, ledger.WriteErrors, "write")
	counter(descWriteFault, ledger.FoldErrors, "fold")
	kept := c.g.cache.Stats()
	gauge(descCacheBytes, float64(kept.Bytes))
	gauge(descCacheCount, float64(kept.Entries))
	counter(descCacheEvict, kept.Evicted)
	if c.g.shared == nil {
		gauge(descLimitScope, 1)
		return
	}
	limits := c.g.shared.Stats()
	local := 1.0
	if limits.Shared {
		local = 0
	}
	gauge(descLimitScope, local)
	counter(descFallbacks, limits.Fallbacks)
	counter(descLocalTakes, limits.LocalTakes)
}
