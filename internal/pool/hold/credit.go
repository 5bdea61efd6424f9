package hold

// Credit is how many calls a tenant that used less than its share of late may
// run ahead of those that used theirs, unless Queue.SetCredit says otherwise.
// Large enough for what one page or job sends at once, small beside a backlog.
const Credit = 8

// rememberedMost bounds how many tenants that hold nothing are remembered.
const rememberedMost = 8192

// memory holds up to which virtual time tenants that hold nothing have used
// the workers. It keeps two generations and forgets the older one as a whole,
// so remembering costs no more than a map's assignment. Who is forgotten is a
// stranger again, without credit.
type memory struct {
	young, old map[string]float64
}

func (m *memory) keep(tenant string, used float64) {
	if len(m.young) >= rememberedMost/2 {
		m.young, m.old = m.old, m.young
		clear(m.young)
	}
	if m.young == nil {
		m.young = map[string]float64{}
	}
	m.young[tenant] = used
}

// take returns what is known of a tenant, and forgets it.
func (m *memory) take(tenant string) (used float64, known bool) {
	if used, known = m.young[tenant]; known {
		delete(m.young, tenant)
		delete(m.old, tenant)
		return used, true
	}
	if used, known = m.old[tenant]; known {
		delete(m.old, tenant)
	}
	return used, known
}

func (m *memory) clear() {
	clear(m.young)
	clear(m.old)
}

func (m *memory) len() int { return len(m.young) + len(m.old) }
