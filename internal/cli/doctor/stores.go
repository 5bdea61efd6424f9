package doctor

import (
	"context"
	"errors"
	"os"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/gateway"
)

// keys opens the key store as the gateway would and counts what is in it.
func (d *doctor) keys(ctx context.Context) {
	const subject = "key store"
	c := d.config.Keys
	if c.Store != "postgres" && c.Path != "" {
		if _, err := os.Stat(c.Path); errors.Is(err, os.ErrNotExist) {
			if d.config.Mode == config.ModeDevelopment || c.Store == "sqlite" {
				d.well(subject, "%s does not exist yet; the gateway makes it", c.Path)
			} else {
				d.fault(subject, "mount the secret there, or make the file with omni keys create --file", "%s does not exist", c.Path)
			}
			return
		}
	}
	ctx, cancel := context.WithTimeout(ctx, d.Patience)
	defer cancel()
	store, err := gateway.OpenKeyStore(ctx, d.config, gateway.KeyStoreOptions{})
	if err != nil {
		d.fault(subject, "the gateway would not start: see the reason", "%s", err)
		return
	}
	snapshot, err := store.Poll(ctx, "")
	if err = errors.Join(err, store.Close()); err != nil {
		d.fault(subject, "calls are refused five minutes after the store is lost: see the reason", "%s", err)
		return
	}
	usable := d.usable(snapshot)
	if usable == 0 && d.config.Mode != config.ModeDevelopment {
		d.warn(subject, "omni keys create --tenant NAME", "%s has no key that is valid now (%d in all)", c.Store, len(snapshot.Keys))
		return
	}
	d.well(subject, "%s: %d tenants, %d keys valid now of %d", c.Store, len(snapshot.Tenants), usable, len(snapshot.Keys))
}

func (d *doctor) usable(s *authn.Snapshot) (n int) {
	now := d.Now()
	for _, k := range s.Keys {
		if k.RevokedAt == nil && (k.ExpiresAt == nil || k.ExpiresAt.After(now)) {
			n++
		}
	}
	return n
}

// limitStore looks at Redis, if limits are to be counted there.
func (d *doctor) limitStore(ctx context.Context) {
	const subject = "limit store"
	c := d.config.LimitStore
	if c.Kind != "redis" {
		d.well(subject, "memory: each gateway counts its tenants' rates alone")
		return
	}
	const mend = "each gateway grants 1/gateways of the limits meanwhile; look at the address, password, TLS and firewall"
	ctx, cancel := context.WithTimeout(ctx, d.Patience)
	defer cancel()
	opt, err := rueidis.ParseURL(c.URL)
	if err != nil {
		d.fault(subject, "give a URL such as redis://10.0.0.7:6379/0", "its URL cannot be read") // the error may quote a password
		return
	}
	opt.Dialer.Timeout, opt.DisableCache = d.Patience, true
	r, err := rueidis.NewClient(opt)
	if err != nil {
		d.fault(subject, mend, "it cannot be reached: %s", err)
		return
	}
	defer r.Close()
	begun := d.Now()
	if err := r.Do(ctx, r.B().Ping().Build()).Error(); err != nil {
		d.fault(subject, mend, "it does not answer: %s", err)
		return
	}
	took := d.Now().Sub(begun)
	if took > c.Timeout.D() {
		d.warn(subject, "bring it nearer, or raise limit_store.timeout", "it answers in %s, and the gateway waits %s", took.Round(time.Millisecond/10), c.Timeout.D())
	} else {
		d.well(subject, "redis answers in %s", took.Round(time.Millisecond/100))
	}
	d.redisDetails(ctx, r)
}

// redisDetails are worth a word, but a server may forbid the questions.
func (d *doctor) redisDetails(ctx context.Context, r rueidis.Client) {
	if parts, err := r.Do(ctx, r.B().Time().Build()).AsStrSlice(); err == nil && len(parts) == 2 {
		if seconds, err := strconv.ParseInt(parts[0], 10, 64); err == nil {
			d.clock("clock of redis", time.Unix(seconds, 0))
		}
	}
	policy, err := r.Do(ctx, r.B().ConfigGet().Parameter("maxmemory-policy").Build()).AsStrMap()
	if p := policy["maxmemory-policy"]; err == nil && p != "noeviction" && p != "volatile-ttl" && p != "" {
		d.warn("limit store", "set maxmemory-policy to volatile-ttl or noeviction", "it may drop counters when full: maxmemory-policy is %s", p)
	}
}
