package pool

import (
	"regexp"
	"sync"
)

// laneName is a service, or one of a group; see Lane.
var laneName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}(@[A-Za-z0-9._-]{1,64})?$`)

// boundedNames admits the first maxServices names and calls the rest "other",
// so that a label cannot grow without end.
type boundedNames struct {
	mu    sync.RWMutex
	names map[string]bool
}

func (b *boundedNames) label(name string) string {
	b.mu.RLock()
	known, n := b.names[name], len(b.names)
	b.mu.RUnlock()
	if known {
		return name
	}
	if n >= maxServices || !laneName.MatchString(name) {
		return otherService
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.names == nil {
		b.names = map[string]bool{}
	}
	if len(b.names) >= maxServices && !b.names[name] {
		return otherService
	}
	b.names[name] = true
	return name
}

func (b *boundedNames) list() []string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	list := make([]string, 0, len(b.names))
	for name := range b.names {
		list = append(list, name)
	}
	return list
}
