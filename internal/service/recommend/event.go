package recommend

import (
	"encoding/binary"
	"errors"
	"math"
)

// kind is what a user did.
type kind uint8

// The values are stored: never renumber them.
const (
	view kind = iota + 1
	click
	addToCart
	purchase
	like
	dislike
	rating
)

var kindNames = map[string]kind{
	"view": view, "click": click, "add_to_cart": addToCart, "purchase": purchase,
	"like": like, "dislike": dislike, "rating": rating,
}

// verb says in a reason what the user did.
func (k kind) verb() string {
	switch k {
	case click:
		return "clicked on"
	case addToCart:
		return "put into the cart"
	case purchase:
		return "bought"
	case like:
		return "liked"
	case dislike:
		return "disliked"
	case rating:
		return "rated"
	default:
		return "viewed"
	}
}

// explicit says whether the user stated an opinion, which then counts instead
// of what was concluded from deeds.
func (k kind) explicit() bool { return k >= like }

// affinity is what one event says of the user's liking, -1 to 1.
func (k kind) affinity(value float64) float64 {
	switch k {
	case view:
		return 0.4
	case click:
		return 0.5
	case addToCart:
		return 0.8
	case dislike:
		return -1
	case rating:
		return (value - 2.5) / 2.5
	default:
		return 1
	}
}

// interaction is one stored event.
type interaction struct {
	user, item string
	kind       kind
	value      float64
	at         int64 // unix seconds
}

var errBadEvent = errors.New("recommend: a stored interaction cannot be read")

// encode writes kind, time, value, user and item.
func (in interaction) encode() []byte {
	b := make([]byte, 0, 32+len(in.user)+len(in.item))
	b = append(b, byte(in.kind))
	b = binary.AppendVarint(b, in.at)
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(in.value))
	b = binary.AppendUvarint(b, uint64(len(in.user)))
	b = append(b, in.user...)
	return append(b, in.item...)
}

func decodeInteraction(b []byte) (in interaction, err error) {
	if len(b) < 1 || kind(b[0]) < view || kind(b[0]) > rating {
		return in, errBadEvent
	}
	in.kind = kind(b[0])
	at, n := binary.Varint(b[1:])
	if n <= 0 || len(b) < 1+n+8 {
		return in, errBadEvent
	}
	b = b[1+n:]
	in.at, in.value = at, math.Float64frombits(binary.LittleEndian.Uint64(b))
	size, n := binary.Uvarint(b[8:])
	if n <= 0 || size > uint64(len(b)-8-n) || math.IsNaN(in.value) || math.IsInf(in.value, 0) {
		return in, errBadEvent
	}
	b = b[8+n:]
	in.user, in.item = string(b[:size]), string(b[size:])
	return in, nil
}
