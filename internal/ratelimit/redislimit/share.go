package redislimit

import "github.com/omni-run/omni/internal/ratelimit"

// share is the part of a policy that one of n gateways grants on its own: an
// n-th of the rate and of the burst, each rounded down but at least one unit,
// and the burst at least minBurst, so that the dearest route can be called.
func share(p ratelimit.Policy, n, minBurst int) ratelimit.Policy {
	return ratelimit.Policy{
		Limit: max(1, p.Limit/n),
		Burst: min(p.Burst, max(1, p.Burst/n, minBurst)),
	}
}
