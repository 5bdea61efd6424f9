package config

import (
	"fmt"
	"slices"
	"time"
)

func (b Balance) withDefaults() Balance {
	or(&b.ConnectTimeout, Duration(2*time.Second))
	or(&b.BodyTimeout, Duration(time.Minute))
	or(&b.RetryShare, 0.2)
	or(&b.SlowStart, Duration(10*time.Second))
	or(&b.OutlierErrors, 0.5)
	or(&b.OutlierLatency, 5)
	or(&b.OutlierMax, 0.5)
	return b
}

func (b Balance) validate(v *faults) {
	for name, d := range map[string]Duration{"connect_timeout": b.ConnectTimeout, "body_timeout": b.BodyTimeout, "slow_start": b.SlowStart} {
		if d <= 0 {
			v.add("balance."+name, d.D().String(), "a positive duration")
		}
	}
	if b.HeaderTimeout < 0 {
		v.add("balance.header_timeout", b.HeaderTimeout.D().String(), "0 (the route's timeout alone) or a positive duration")
	}
	share(v, "balance.retry_share", b.RetryShare, 0, 1)
	share(v, "balance.outlier_errors", b.OutlierErrors, 0.01, 1)
	share(v, "balance.outlier_latency", b.OutlierLatency, 1.5, 1000)
	share(v, "balance.outlier_max", b.OutlierMax, 0.01, 1)
}

// share refuses NaN too.
func share(v *faults, key string, value, low, high float64) {
	if !(value >= low && value <= high) {
		v.say("%s = %v, must be in [%v, %v]", key, value, low, high)
	}
}

// validateSplit checks that canary and mirror have workers, and that a copy or
// a second attempt does no harm.
func (c Config) validateSplit(v *faults, at string, r Route) {
	for name, pool := range map[string]string{"canary": r.Canary.Pool, "mirror": r.Mirror.Pool} {
		if pool != "" && !slices.ContainsFunc(c.Workers, func(w Worker) bool { return w.Pool == pool }) {
			v.say("%s.%s.pool = %q, but no worker has that pool", at, name, pool)
		}
	}
	share(v, at+".canary.weight", r.Canary.Weight, 0, 100)
	share(v, at+".mirror.weight", r.Mirror.Weight, 0, 100)
	if r.Canary.Pool == "" && (r.Canary.Weight != 0 || len(r.Canary.Tenants) > 0) {
		v.say("%s.canary.pool is missing", at)
	}
	if r.Canary.Pool != "" && r.Canary.Weight == 0 && len(r.Canary.Tenants) == 0 {
		v.say("%s.canary takes no calls: give it a weight or tenants", at)
	}
	if r.Mirror.Pool == "" && r.Mirror.Weight != 0 {
		v.say("%s.mirror.pool is missing", at)
	}
	if !r.Idempotent {
		for name, set := range map[string]bool{"mirror": r.Mirror.Pool != "", "hedge": r.Hedge != 0, "hedge_percentile": r.HedgePercentile != 0} {
			if set {
				v.say("%s.%s runs calls twice, so the route must be idempotent: true", at, name)
			}
		}
	}
	if r.Hedge != 0 && (r.Hedge < Duration(time.Millisecond) || r.Hedge >= r.Timeout) {
		v.add(at+".hedge", fmt.Sprint(r.Hedge.D()), "at least 1ms, and less than the route's timeout")
	}
	if p := r.HedgePercentile; p != 0 && !(p >= 50 && p <= 99.9) {
		v.add(at+".hedge_percentile", fmt.Sprint(p), "from 50 to 99.9")
	}
}
