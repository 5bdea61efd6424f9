package stream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
)

// magic starts an encoded detector: the name of the form and its version.
const magic = "omnistream1\n"

// errState is what is wrong with an encoded state that MarshalBinary has not
// written.
var errState = errors.New("not a stream detector's state")

// MarshalBinary encodes the detector: at most 37 KB. The form is magic, the
// fixed part, the number of values, the values, and a CRC-32 of all that, in
// little-endian order.
func (d *Detector) MarshalBinary() ([]byte, error) {
	out := []byte(magic)
	values := d.values.inOrder()
	for _, part := range []any{&d.state, uint32(len(values)), values} {
		var err error
		if out, err = binary.Append(out, binary.LittleEndian, part); err != nil {
			return nil, fmt.Errorf("encoding a stream detector: %w", err)
		}
	}
	return binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(out)), nil
}

// UnmarshalBinary replaces the detector by an encoded one, which goes on
// exactly where that one stopped. On error the detector is unchanged.
func (d *Detector) UnmarshalBinary(data []byte) error {
	var s state
	fixed := len(magic) + binary.Size(&s)
	if len(data) < fixed+8 || string(data[:len(magic)]) != magic {
		return errState
	}
	body, sum := data[:len(data)-4], binary.LittleEndian.Uint32(data[len(data)-4:])
	if crc32.ChecksumIEEE(body) != sum {
		return fmt.Errorf("%w: checksum mismatch", errState)
	}
	if _, err := binary.Decode(body[len(magic):], binary.LittleEndian, &s); err != nil {
		return fmt.Errorf("%w: %w", errState, err)
	}
	count, rest := binary.LittleEndian.Uint32(body[fixed:]), body[fixed+4:]
	if s.Seen > 1<<60 || count > history || int64(count) != min(s.Seen, history) || len(rest) != 8*int(count) {
		return fmt.Errorf("%w: %d values after %d points", errState, count, s.Seen)
	}
	values := make([]float64, count)
	if _, err := binary.Decode(rest, binary.LittleEndian, values); err != nil {
		return fmt.Errorf("%w: %w", errState, err)
	}
	for _, x := range slices.Concat(s.numbers(), values) {
		if !(math.Abs(x) <= 2*largest) {
			return fmt.Errorf("%w: it holds %v", errState, x)
		}
	}
	if err := s.validate(); err != nil {
		return fmt.Errorf("%w: %w", errState, err)
	}
	for _, r := range s.Records {
		if min(r.Height, r.Before, r.Peak, s.Told.Peak) < 0 || max(r.Last, s.Told.Last) >= max(s.Seen, 1) {
			return fmt.Errorf("%w: a record of %+v", errState, r)
		}
	}
	for _, h := range s.Hours {
		if h.Count < 0 || h.Count > hourMemory {
			return fmt.Errorf("%w: an hour seen %v times", errState, h.Count)
		}
	}
	w := newWindow(history)
	w.ring, w.sorted = values, slices.Sorted(slices.Values(values))
	d.state, d.values = s, w
	return nil
}

// numbers lists the state's floating-point numbers.
func (s *state) numbers() []float64 {
	list := append([]float64{s.Scale, s.Off, s.Told.Peak}, s.Recent[:]...)
	for _, r := range s.Records {
		list = append(list, r.Height, r.Before, r.Peak)
	}
	for _, h := range s.Hours {
		list = append(list, h.Mean, h.Count)
	}
	return list
}
