package seqnet

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"unsafe"
)

// The file of a network, little-endian. Every section begins at a multiple of
// 64 bytes, so that a file mapped into memory serves without being copied:
//
//	offset  size
//	0       8     magic "OMNISEQN"
//	8       4     format version, 1
//	12      4     length of the header in bytes
//	16      ...   header: JSON, see fileHeader; then zeros up to a multiple of 64
//	        ...   the weights, in the order of Config.Parts
//	        ...   int8 only: zeros up to a multiple of 64, then the scales
//	end-32  32    SHA-256 of everything before it
//
// Weights are float32, float16 (IEEE 754 binary16, rounded to nearest even) or
// int8. An int8 weight stands for itself times the scale (float32) of its
// column within its part: the scales follow each other in the order of the
// parts, one for each column, the largest magnitude of the column over 127.
const (
	magic         = "OMNISEQN"
	formatVersion = 1
	fixedSize     = 16
	alignment     = 64
	// mostHeader bounds what a reader of a broken file allocates.
	mostHeader = 1 << 20
)

// ErrFormat says that bytes are not a file this version can read.
var ErrFormat = errors.New("seqnet: not a readable network file")

// Precision is how a weight is stored.
type Precision string

// The precisions of a stored weight.
const (
	Float32 Precision = "float32"
	Float16 Precision = "float16"
	Int8    Precision = "int8"
)

func (p Precision) size() int {
	switch p {
	case Float32:
		return 4
	case Float16:
		return 2
	case Int8:
		return 1
	}
	return 0
}

// fileHeader is the JSON part of a file.
type fileHeader struct {
	Config    Config    `json:"config"`
	Precision Precision `json:"precision"`
	Weights   int       `json:"weights"`
	// Extra is the caller's own, kept as it is.
	Extra json.RawMessage `json:"extra,omitempty"`
}

// Encode writes the network as a file. extra is JSON that the caller wants to
// find again, such as how inputs are scaled; nil for none.
func (n *Network) Encode(p Precision, extra json.RawMessage) ([]byte, error) {
	if p.size() == 0 {
		return nil, fmt.Errorf("seqnet: precision %q is not float32, float16 or int8", p)
	}
	header, err := json.Marshal(fileHeader{n.Config, p, len(n.Weights), extra})
	if err != nil {
		return nil, fmt.Errorf("writing a network's header: %w", err)
	}
	if len(header) > mostHeader {
		return nil, fmt.Errorf("seqnet: the header has %d bytes, at most %d fit", len(header), mostHeader)
	}
	out := append([]byte(nil), magic...)
	out = binary.LittleEndian.AppendUint32(out, formatVersion)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(header)))
	out = padded(append(out, header...))
	switch p {
	case Float32:
		for _, w := range n.Weights {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(w))
		}
	case Float16:
		for _, w := range n.Weights {
			out = binary.LittleEndian.AppendUint16(out, toHalf(w))
		}
	case Int8:
		out = n.appendInt8(out)
	}
	sum := sha256.Sum256(out)
	return append(out, sum[:]...), nil
}

func padded(b []byte) []byte { return append(b, make([]byte, -len(b)&(alignment-1))...) }

func (n *Network) appendInt8(out []byte) []byte {
	var scales []float32
	for _, p := range n.Parts() {
		w := n.Weights[p.Offset : p.Offset+p.Rows*p.Cols]
		first := len(scales)
		for c := range p.Cols {
			top := float32(0)
			for r := range p.Rows {
				top = max(top, float32(math.Abs(float64(w[r*p.Cols+c]))))
			}
			scales = append(scales, top/127)
		}
		for i, v := range w {
			q := 0.0
			if s := scales[first+i%p.Cols]; s > 0 {
				q = math.RoundToEven(float64(v) / float64(s))
			}
			out = append(out, byte(int8(max(-127, min(127, q)))))
		}
	}
	out = padded(out)
	for _, s := range scales {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(s))
	}
	return out
}

// Decode reads what Encode wrote and returns the extra JSON with it. It checks
// hash, version and sizes before it allocates for the weights, and refuses
// weights that are not finite. Float32 weights stay where they are when data
// is aligned for them, as a mapped file is: data must then live and not change
// as long as the network is used, and the network must not be trained.
func Decode(data []byte) (*Network, json.RawMessage, error) {
	header, body, err := decodeHeader(data)
	if err != nil {
		return nil, nil, err
	}
	c, count := header.Config, header.Weights
	if err := c.Validate(); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if count != c.Parameters() {
		return nil, nil, fmt.Errorf("%w: %d weights, the shape has %d", ErrFormat, count, c.Parameters())
	}
	want := count * header.Precision.size()
	if header.Precision == Int8 {
		want += -want&(alignment-1) + 4*c.columns()
	}
	if want == 0 || len(body) != want {
		return nil, nil, fmt.Errorf("%w: %d bytes of %q weights, want %d", ErrFormat, len(body), header.Precision, want)
	}
	weights := decodeWeights(c, header.Precision, body, count)
	for i, w := range weights {
		if w-w != 0 {
			return nil, nil, fmt.Errorf("%w: weight %d is not finite", ErrFormat, i)
		}
	}
	n, err := With(c, weights)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return n, header.Extra, nil
}

// columns is how many scales an int8 file has.
func (c Config) columns() int {
	n := 0
	for _, p := range c.Parts() {
		n += p.Cols
	}
	return n
}

// decodeHeader checks the outside of a file and returns what it holds.
func decodeHeader(data []byte) (h fileHeader, body []byte, err error) {
	if len(data) < fixedSize+sha256.Size || string(data[:8]) != magic {
		return h, nil, fmt.Errorf("%w: no header", ErrFormat)
	}
	if v := binary.LittleEndian.Uint32(data[8:]); v != formatVersion {
		return h, nil, fmt.Errorf("%w: version %d, this program reads %d", ErrFormat, v, formatVersion)
	}
	end := len(data) - sha256.Size
	size := int64(binary.LittleEndian.Uint32(data[12:]))
	from := (fixedSize + size + alignment - 1) &^ (alignment - 1)
	if size > mostHeader || from > int64(end) {
		return h, nil, fmt.Errorf("%w: a header of %d bytes", ErrFormat, size)
	}
	if sum := sha256.Sum256(data[:end]); !bytes.Equal(sum[:], data[end:]) {
		return h, nil, fmt.Errorf("%w: the hash does not match", ErrFormat)
	}
	d := json.NewDecoder(bytes.NewReader(data[fixedSize : fixedSize+size]))
	d.DisallowUnknownFields()
	if err := d.Decode(&h); err != nil {
		return h, nil, fmt.Errorf("%w: its header: %w", ErrFormat, err)
	}
	return h, data[from:end], nil
}

func decodeWeights(c Config, p Precision, body []byte, count int) []float32 {
	if p == Float32 && littleEndian && uintptr(unsafe.Pointer(unsafe.SliceData(body)))%4 == 0 {
		return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(body))), count)
	}
	weights := make([]float32, count)
	switch p {
	case Float32:
		floats(weights, body)
	case Float16:
		for i := range weights {
			weights[i] = fromHalf(binary.LittleEndian.Uint16(body[2*i:]))
		}
	case Int8:
		scales := make([]float32, c.columns())
		floats(scales, body[len(body)-4*len(scales):])
		for _, p := range c.Parts() {
			for i := range p.Rows * p.Cols {
				weights[p.Offset+i] = float32(int8(body[p.Offset+i])) * scales[i%p.Cols]
			}
			scales = scales[p.Cols:]
		}
	}
	return weights
}

func floats(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

// littleEndian says that this machine keeps numbers as the file does.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1
