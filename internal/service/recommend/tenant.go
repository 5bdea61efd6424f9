package recommend

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/rank"
)

// popularityHalfLife is after how long an event counts half of a fresh one.
const popularityHalfLife = 30 * 24 * time.Hour

// tenant is what one tenant gave, in the form that answers need. Writers hold
// mu for writing and readers for reading; nothing in it is changed otherwise.
type tenant struct {
	mu sync.RWMutex

	itemIndex map[string]int32
	items     []item
	// catalogued is how many of items are in the catalogue.
	catalogued int
	words      vocabulary

	userIndex map[string]int32
	users     []user
	// lastSeq is the store's number of the newest event applied; events is how
	// many were.
	lastSeq int64
	events  int

	model *model

	// bytes is what all but the model occupies, estimated as it grows.
	bytes int64
}

// item is one thing known to the tenant: from the catalogue, from an
// interaction, or both.
type item struct {
	id string
	// known says that it is in the catalogue. Only then may it be recommended:
	// of an item that interactions alone name, neither attributes nor
	// availability are known, and a deleted one must not come back.
	known     bool
	available bool
	title     string
	category  string
	tags      []string
	price     float64 // NaN when none was given
	text      document
	vector    vector

	popularity rank.Decaying
	// fans are the users with any pair with this item.
	fans []int32
}

func (it *item) label() string {
	if it.title != "" {
		return it.title
	}
	return it.id
}

// user is one user's pairs, ascending by item.
type user struct{ pairs []pair }

// pair is all that a user did with an item. Times are unix seconds.
type pair struct {
	item int32
	// implicit is concluded from deeds, 0 to 1; stated, NaN when there is none,
	// is what the user said last, and then counts instead.
	implicit, stated float32
	at, statedAt     uint32
	boughtAt         uint32 // 0: never
	// order is the place of the newest event among the tenant's events.
	order uint32
	kind  kind // of the newest event
}

// affinity is -1 to 1.
func (p *pair) affinity() float32 {
	if p.stated == p.stated {
		return p.stated
	}
	return p.implicit
}

// Estimates of what one entry of each kind occupies beside its own text.
const (
	itemBytes = 360
	userBytes = 140
	pairBytes = 36
	termBytes = 8
)

func newTenant() *tenant {
	return &tenant{itemIndex: map[string]int32{}, userIndex: map[string]int32{}, words: newVocabulary(), bytes: 4096}
}

func (t *tenant) bytesLocked() int64 {
	n := t.bytes + t.words.bytes
	if t.model != nil {
		n += t.model.bytes()
	}
	return n
}

// itemAt returns the index of the item with that id, adding it if need be.
func (t *tenant) itemAt(id string) int32 {
	if i, ok := t.itemIndex[id]; ok {
		return i
	}
	i := int32(len(t.items))
	t.itemIndex[id] = i
	t.items = append(t.items, item{id: id, price: math.NaN()})
	t.bytes += itemBytes + int64(len(id))
	return i
}

// knows reports whether the item is in the catalogue.
func (t *tenant) knows(id string) bool {
	i, ok := t.itemIndex[id]
	return ok && t.items[i].known
}

// putItem adds or replaces a catalogue entry.
func (t *tenant) putItem(in *api.RecommendItem, v vector) {
	t.clearItem(in.ItemID)
	it := &t.items[t.itemAt(in.ItemID)]
	it.known, it.available = true, in.Available == nil || *in.Available
	it.title, it.category, it.tags = in.Title, in.Category, slices.Clone(in.Tags)
	it.price = math.NaN()
	if in.Price != nil {
		it.price = *in.Price
	}
	it.text = t.words.add(in)
	it.vector = v
	t.catalogued++
	t.bytes += attributeBytes(it)
}

// clearItem takes an item out of the catalogue; its interactions stay.
func (t *tenant) clearItem(id string) (was bool) {
	i, ok := t.itemIndex[id]
	if !ok || !t.items[i].known {
		return false
	}
	it := &t.items[i]
	t.bytes -= attributeBytes(it)
	t.words.remove(it.text)
	t.catalogued--
	*it = item{id: it.id, price: math.NaN(), popularity: it.popularity, fans: it.fans}
	return true
}

func attributeBytes(it *item) int64 {
	n := len(it.title) + len(it.category) + len(it.text.terms)*termBytes + len(it.vector.values)
	for _, tag := range it.tags {
		n += 16 + len(tag)
	}
	return int64(n)
}

// apply counts one interaction.
func (t *tenant) apply(in interaction) {
	i := t.itemAt(in.item)
	u, ok := t.userIndex[in.user]
	if !ok {
		u = int32(len(t.users))
		t.userIndex[in.user] = u
		t.users = append(t.users, user{})
		t.bytes += userBytes + int64(len(in.user))
	}
	pairs := t.users[u].pairs
	k, ok := slices.BinarySearchFunc(pairs, i, func(p pair, i int32) int { return int(p.item) - int(i) })
	if !ok {
		pairs = slices.Insert(pairs, k, pair{item: i, stated: float32(math.NaN())})
		t.users[u].pairs = pairs
		t.items[i].fans = append(t.items[i].fans, u)
		t.bytes += pairBytes + 4
	}
	t.events++
	pairs[k].add(in, uint32(t.events))
	if a := in.kind.affinity(in.value); a > 0 {
		t.items[i].popularity.Add(a, in.at, popularityHalfLife)
	}
}

func (p *pair) add(in interaction, order uint32) {
	a, at := float32(in.kind.affinity(in.value)), uint32(in.at)
	if in.kind.explicit() {
		if at >= p.statedAt {
			p.stated, p.statedAt = a, at
		}
	} else {
		p.implicit = min(1, p.implicit+a)
	}
	if in.kind == purchase {
		p.boughtAt = max(p.boughtAt, at, 1)
	}
	if at >= p.at {
		p.at, p.kind, p.order = at, in.kind, order
	}
}

// pairOf returns what the user did with the item, or nil.
func (t *tenant) pairOf(u, i int32) *pair {
	pairs := t.users[u].pairs
	if k, ok := slices.BinarySearchFunc(pairs, i, func(p pair, i int32) int { return int(p.item) - int(i) }); ok {
		return &pairs[k]
	}
	return nil
}

// fansOfBoth counts the users, other than the one asking (-1: nobody), who
// took an interest in both items.
func (t *tenant) fansOfBoth(a, b, asking int32) int {
	if len(t.items[a].fans) > len(t.items[b].fans) {
		a, b = b, a
	}
	n := 0
	for _, u := range t.items[a].fans {
		if u == asking {
			continue
		}
		if p, q := t.pairOf(u, a), t.pairOf(u, b); p != nil && q != nil && p.affinity() > 0 && q.affinity() > 0 {
			n++
		}
	}
	return n
}

// fansOf counts the users who took an interest in the item.
func (t *tenant) fansOf(i int32) int {
	n := 0
	for _, u := range t.items[i].fans {
		if t.pairOf(u, i).affinity() > 0 {
			n++
		}
	}
	return n
}
