package selector

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/omni-run/omni/internal/ml/features"
	"github.com/omni-run/omni/internal/ml/gbdt"
)

// magic begins the file, before the compressed part.
const magic = "OMNISELECT\x01"

// head is the part of a model that is not its trees.
type head struct {
	Members     []string    `json:"members"`
	Features    []string    `json:"features"`
	Width       int         `json:"width"`
	Bias        []float64   `json:"bias"`
	Rounds      int         `json:"rounds"`
	Calibration Calibration `json:"calibration"`
}

// node is a tree's node as the file holds it, 15 bytes, little-endian.
type node struct {
	// Feature is leafMark for a leaf.
	Feature uint16
	// Left and Right are the children.
	Left, Right uint16
	MissingLeft uint8
	// Threshold of a split, Value of a leaf.
	Threshold, Value float32
}

const leafMark = math.MaxUint16

// ErrOther says that a model was trained for another team or other features.
var ErrOther = errors.New("selector: the model belongs to another version")

var errDamaged = errors.New("selector: the file is damaged")

// mostDecoded bounds the size of a decoded model.
const mostDecoded = 64 << 20

// Encode writes the model: the magic, then, compressed, the length of the head
// (4 bytes), the head as JSON, and round by round, output by output, the number
// of nodes (2 bytes) and the nodes. Thresholds and values are held as float32.
func (m *Model) Encode() ([]byte, error) {
	text, err := json.Marshal(head{m.Members, m.Features, m.Combiner.Features, m.Combiner.Bias, len(m.Combiner.Rounds), m.Calibration})
	if err != nil {
		return nil, fmt.Errorf("encoding a forecast selector: %w", err)
	}
	raw := append(binary.LittleEndian.AppendUint32(nil, uint32(len(text))), text...)
	for _, round := range m.Combiner.Rounds {
		for _, t := range round {
			raw = binary.LittleEndian.AppendUint16(raw, uint16(len(t.Feature)))
			for i := range t.Feature {
				n := node{leafMark, uint16(t.Left[i]), uint16(t.Right[i]), 0, float32(t.Threshold[i]), float32(t.Value[i])}
				if t.Feature[i] >= 0 {
					n.Feature = uint16(t.Feature[i])
				}
				if t.MissingLeft[i] {
					n.MissingLeft = 1
				}
				if raw, err = binary.Append(raw, binary.LittleEndian, n); err != nil {
					return nil, fmt.Errorf("encoding a forecast selector: %w", err)
				}
			}
		}
	}
	var b bytes.Buffer
	b.WriteString(magic)
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	_, err = z.Write(raw)
	if err := errors.Join(err, z.Close()); err != nil {
		return nil, fmt.Errorf("encoding a forecast selector: %w", err)
	}
	return b.Bytes(), nil
}

// Decode reads what Encode wrote and checks it.
func Decode(raw []byte) (*Model, error) {
	packed, ok := bytes.CutPrefix(raw, []byte(magic))
	if !ok {
		return nil, errDamaged
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("decoding a forecast selector: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(z, mostDecoded))
	if err != nil {
		return nil, fmt.Errorf("decoding a forecast selector: %w", err)
	}
	r := reader{plain}
	size := r.take(4)
	if size == nil {
		return nil, errDamaged
	}
	var h head
	if err := json.Unmarshal(r.take(int(binary.LittleEndian.Uint32(size))), &h); err != nil {
		return nil, fmt.Errorf("decoding a forecast selector: %w", err)
	}
	if !slices.Equal(h.Members, Members()) || !slices.Equal(h.Features, features.Names()) || h.Width != Width() {
		return nil, ErrOther
	}
	m := &Model{Members: h.Members, Features: h.Features, Calibration: h.Calibration}
	m.Combiner = gbdt.Combiner{Features: h.Width, Outputs: len(h.Members), Bias: h.Bias}
	for range h.Rounds {
		trees := make([]gbdt.Tree, len(h.Members))
		for k := range trees {
			if trees[k], ok = r.tree(); !ok {
				return nil, errDamaged
			}
		}
		m.Combiner.Rounds = append(m.Combiner.Rounds, trees)
	}
	if err := m.Combiner.Validate(); err != nil {
		return nil, fmt.Errorf("decoding a forecast selector: %w", err)
	}
	return m, m.Calibration.validate()
}

// reader takes bytes off its front; nil when there are too few.
type reader struct{ rest []byte }

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.rest = nil
		return nil
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

func (r *reader) tree() (t gbdt.Tree, ok bool) {
	size := r.take(2)
	if size == nil {
		return t, false
	}
	n := int(binary.LittleEndian.Uint16(size))
	const width = 15
	raw := r.take(n * width)
	if raw == nil {
		return t, false
	}
	t = gbdt.Tree{
		Feature: make([]int32, n), Threshold: make([]float64, n), MissingLeft: make([]bool, n), Left: make([]int32, n), Right: make([]int32, n),
		Value: make([]float64, n), Cover: make([]float64, n),
	}
	for i := range n {
		at := raw[i*width:]
		if t.Feature[i] = int32(binary.LittleEndian.Uint16(at)); t.Feature[i] == leafMark {
			t.Feature[i] = -1
		}
		t.Left[i], t.Right[i] = int32(binary.LittleEndian.Uint16(at[2:])), int32(binary.LittleEndian.Uint16(at[4:]))
		t.MissingLeft[i] = at[6] == 1
		t.Threshold[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(at[7:])))
		t.Value[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(at[11:])))
		t.Cover[i] = 1 // how many rows reached a node is not kept
	}
	return t, true
}
