package lstm

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/omni-run/omni/internal/ml/seqnet"
)

// The artefact of a Forecaster, little-endian:
//
//	offset size
//	0      8    magic "OMNILSTM"
//	8      2    format version, 1
//	10     2    bytes a weight: 4 (float32) or 8 (float64)
//	12     4*6  uint32: inputs, hidden, layers, outputs, lags, lookback
//	36     8    float64: limit
//	44     4    uint32: number of weights
//	48     ...  the weights, in the order of seqnet.Config.Parts
//	end    32   SHA-256 of everything before it
const (
	magic         = "OMNILSTM"
	formatVersion = 1
	headerSize    = 48
)

// ErrFormat says that bytes are not an artefact this version can read.
var ErrFormat = errors.New("lstm: not a readable forecaster artefact")

// Precision is how many bytes a stored weight takes.
type Precision uint16

// The precisions of a stored weight.
const (
	Float32 Precision = 4
	Float64 Precision = 8
)

// Encode writes the forecaster to bytes. Weights are float32 in memory; Float64
// is there for readers of the format's first days.
func (f *Forecaster) Encode(p Precision) []byte {
	n := f.Network
	out := make([]byte, 0, headerSize+len(n.Weights)*int(p)+sha256.Size)
	out = append(out, magic...)
	out = binary.LittleEndian.AppendUint16(out, formatVersion)
	out = binary.LittleEndian.AppendUint16(out, uint16(p))
	for _, v := range []int{n.Inputs, n.Hidden, n.Layers(), n.Outputs, n.Highway, f.Lookback} {
		out = binary.LittleEndian.AppendUint32(out, uint32(v))
	}
	out = binary.LittleEndian.AppendUint64(out, math.Float64bits(f.Limit))
	out = binary.LittleEndian.AppendUint32(out, uint32(len(n.Weights)))
	for _, w := range n.Weights {
		if p == Float32 {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(w))
		} else {
			out = binary.LittleEndian.AppendUint64(out, math.Float64bits(float64(w)))
		}
	}
	sum := sha256.Sum256(out)
	return append(out, sum[:]...)
}

// Decode reads what Encode wrote. It checks the hash, the version and every
// dimension before it allocates, and refuses weights that are not finite.
func Decode(data []byte) (*Forecaster, error) {
	if len(data) < headerSize+sha256.Size || string(data[:8]) != magic {
		return nil, fmt.Errorf("%w: no header", ErrFormat)
	}
	body := data[:len(data)-sha256.Size]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], data[len(body):]) {
		return nil, fmt.Errorf("%w: the hash does not match", ErrFormat)
	}
	le := binary.LittleEndian
	if v := le.Uint16(data[8:]); v != formatVersion {
		return nil, fmt.Errorf("%w: version %d, this program reads %d", ErrFormat, v, formatVersion)
	}
	dim := func(i int) int { return int(le.Uint32(data[12+4*i:])) }
	chosen := shape{hidden: dim(1), layers: dim(2), lags: dim(4), lookback: dim(5)}
	if err := chosen.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	c, f := chosen.config(), &Forecaster{Lookback: chosen.lookback, Limit: math.Float64frombits(le.Uint64(data[36:]))}
	size, count := int(le.Uint16(data[10:])), c.Parameters()
	if dim(0) != features || dim(3) != 1 || !(f.Limit >= 0) || math.IsInf(f.Limit, 0) {
		return nil, fmt.Errorf("%w: a dimension does not fit a forecaster", ErrFormat)
	}
	if (size != 4 && size != 8) || int(le.Uint32(data[44:])) != count || len(body) != headerSize+count*size {
		return nil, fmt.Errorf("%w: the weights do not fit the dimensions", ErrFormat)
	}
	weights := make([]float32, count)
	for i := range weights {
		if size == 4 {
			weights[i] = math.Float32frombits(le.Uint32(body[headerSize+4*i:]))
		} else {
			weights[i] = float32(math.Float64frombits(le.Uint64(body[headerSize+8*i:])))
		}
		if weights[i]-weights[i] != 0 {
			return nil, fmt.Errorf("%w: weight %d is not finite", ErrFormat, i)
		}
	}
	n, err := seqnet.With(c, weights)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	f.Network = n
	return f, nil
}
