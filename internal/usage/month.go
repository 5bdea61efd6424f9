package usage

import (
	"sync"
	"time"
)

// months counts units per tenant and calendar month (UTC), so that a quota
// can be checked without reading anything. Only the newest month of a tenant
// is kept; memory is that of the tenants seen.
type months struct {
	mu   sync.RWMutex
	used map[string]monthUnits
}

type monthUnits struct {
	month int
	units int64
}

// monthOf numbers the months.
func monthOf(t time.Time) int {
	t = t.UTC()
	return t.Year()*12 + int(t.Month()) - 1
}

func (m *months) add(tenant string, at time.Time, units int64) {
	month := monthOf(at)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch u := m.used[tenant]; {
	case month == u.month:
		m.used[tenant] = monthUnits{month, u.units + units}
	case month > u.month:
		m.used[tenant] = monthUnits{month, units}
	}
}

func (m *months) get(tenant string, now time.Time) int64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if u := m.used[tenant]; u.month == monthOf(now) {
		return u.units
	}
	return 0
}
