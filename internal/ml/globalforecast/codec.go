package globalforecast

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// The file of a model, all numbers little-endian:
//
//	"OMGF", version uint32, SHA-256 of all that follows,
//	length of the header uint32, the header (JSON, a Model without weights),
//	each network's weights in the header's order as 16-bit floats
//	(IEEE 754 binary16, rounded to the nearest).
const (
	magic       = "OMGF"
	fileVersion = 1
	prefix      = 4 + 4 + sha256.Size + 4
	mostHeader  = 1 << 22
	// mostHalf is the largest finite binary16.
	mostHalf = 65504
)

// ErrFormat says that bytes are not a model of this format.
var ErrFormat = errors.New("globalforecast: not a model file")

// Recognises says that data begins as a model file does.
func Recognises(data []byte) bool { return len(data) >= prefix && string(data[:4]) == magic }

// Encode writes the model as one file.
func (m *Model) Encode() ([]byte, error) {
	header, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("describing a model: %w", err)
	}
	out := make([]byte, prefix, prefix+len(header)+2*m.Parameters())
	copy(out, magic)
	binary.LittleEndian.PutUint32(out[4:], fileVersion)
	binary.LittleEndian.PutUint32(out[prefix-4:], uint32(len(header)))
	out = append(out, header...)
	for _, f := range m.Frequencies {
		for _, n := range f.networks {
			for _, v := range n.Weights {
				if !(math.Abs(float64(v)) <= mostHalf) {
					return nil, fmt.Errorf("globalforecast: a weight of %s is %v, beyond what the file holds", f.Name, v)
				}
				out = binary.LittleEndian.AppendUint16(out, toHalf(v))
			}
		}
	}
	sum := sha256.Sum256(out[prefix-4:])
	copy(out[8:], sum[:])
	return out, nil
}

// Decode reads what Encode wrote. It keeps nothing of data.
func Decode(data []byte) (*Model, error) {
	if !Recognises(data) {
		return nil, ErrFormat
	}
	if v := binary.LittleEndian.Uint32(data[4:]); v != fileVersion {
		return nil, fmt.Errorf("%w: version %d, this code reads %d", ErrFormat, v, fileVersion)
	}
	if sum := sha256.Sum256(data[prefix-4:]); !bytes.Equal(sum[:], data[8:8+sha256.Size]) {
		return nil, fmt.Errorf("%w: its content does not match its hash", ErrFormat)
	}
	size := binary.LittleEndian.Uint32(data[prefix-4:])
	rest := data[prefix:]
	if size > mostHeader || int(size) > len(rest) {
		return nil, fmt.Errorf("%w: a header of %d bytes", ErrFormat, size)
	}
	m := &Model{}
	if err := json.Unmarshal(rest[:size], m); err != nil {
		return nil, fmt.Errorf("%w: reading its header: %w", ErrFormat, err)
	}
	rest = rest[size:]
	for _, f := range m.Frequencies {
		if err := f.validate(); err != nil {
			return nil, err
		}
		for range f.Members {
			n := &Network{Shape: f.Recipe.Shape}
			count := n.Parameters()
			if len(rest) < 2*count {
				return nil, fmt.Errorf("%w: the weights of %s end early", ErrFormat, f.Name)
			}
			n.Weights = make([]float32, count)
			for i := range n.Weights {
				n.Weights[i] = fromHalf(binary.LittleEndian.Uint16(rest[2*i:]))
			}
			rest = rest[2*count:]
			f.networks = append(f.networks, n)
		}
	}
	if len(rest) != 0 {
		return nil, fmt.Errorf("%w: %d bytes too many", ErrFormat, len(rest))
	}
	return m, nil
}

// toHalf rounds to the nearest binary16, ties to even. |v| is at most mostHalf.
func toHalf(v float32) uint16 {
	b := math.Float32bits(v)
	sign := uint16(b >> 16 & 0x8000)
	size := math.Abs(float64(v))
	const leastNormal = 1.0 / (1 << 14)
	if size < leastNormal {
		return sign | uint16(math.RoundToEven(size*(1<<24)))
	}
	b &= 0x7fffffff
	b += 0xfff + b>>13&1 // round to even at bit 13
	return sign | uint16((b-(127-15)<<23)>>13)
}

func fromHalf(h uint16) float32 {
	sign, exponent, fraction := uint32(h&0x8000)<<16, uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch exponent {
	case 0:
		v := float32(fraction) / (1 << 24)
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}
