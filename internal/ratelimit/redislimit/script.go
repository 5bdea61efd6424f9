package redislimit

import (
	_ "embed"
	"fmt"
	"time"

	"github.com/redis/rueidis"

	"github.com/omni-run/omni/internal/ratelimit"
)

//go:embed gcra.lua
var body string

// serverClock is the head of the script: Redis tells the time, so the clocks
// of the gateways do not matter.
const serverClock = `local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000000 + tonumber(t[2])
local slack = 10
`

func newScript(clock string) *rueidis.Lua { return rueidis.NewLuaScript(clock + body) }

// decision reads what the script returns.
func decision(p ratelimit.Policy, r rueidis.RedisResult) (ratelimit.Decision, error) {
	v, err := r.AsIntSlice()
	if err != nil {
		return ratelimit.Decision{}, err
	}
	if len(v) != 3 {
		return ratelimit.Decision{}, fmt.Errorf("the script returned %d numbers, want 3", len(v))
	}
	return ratelimit.NewDecision(p, time.UnixMicro(v[0]), time.Duration(v[1]), time.Duration(v[2])), nil
}
