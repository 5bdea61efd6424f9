package selector

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	// WidthTrees follow the rounds.
	WidthBias  float64 `json:"width_bias"`
	WidthTrees int     `json:"width_trees"`
}

// ErrOther says that a model was trained for another team or other features.
var ErrOther = errors.New("selector: the model belongs to another version")

var errDamaged = errors.New("selector: the file is damaged")

// mostDecoded bounds the size of a decoded model.
const mostDecoded = 64 << 20

// Encode writes the model: the magic, then, compressed, the length of the head
// (4 bytes), the head as JSON, the trees round by round, output by output, and
// those of the width, each as gbdt.AppendTree writes it.
func (m *Model) Encode() ([]byte, error) {
	h := head{Members: m.Members, Features: m.Features, Width: m.Combiner.Features, Bias: m.Combiner.Bias, Rounds: len(m.Combiner.Rounds), Calibration: m.Calibration}
	var width []gbdt.Tree
	if w := m.Calibration.Width; w != nil {
		width, h.WidthBias, h.WidthTrees = w.Trees, w.Bias, len(w.Trees)
	}
	text, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("encoding a forecast selector: %w", err)
	}
	raw := append(binary.LittleEndian.AppendUint32(nil, uint32(len(text))), text...)
	for _, round := range m.Combiner.Rounds {
		for _, t := range round {
			raw = gbdt.AppendTree(raw, t)
		}
	}
	for _, t := range width {
		raw = gbdt.AppendTree(raw, t)
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
	const prefix = 4
	if len(plain) < prefix || uint64(binary.LittleEndian.Uint32(plain)) > uint64(len(plain)-prefix) {
		return nil, errDamaged
	}
	rest := plain[prefix+binary.LittleEndian.Uint32(plain):]
	var h head
	if err := json.Unmarshal(plain[prefix:len(plain)-len(rest)], &h); err != nil {
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
			if trees[k], rest, err = gbdt.ReadTree(rest); err != nil {
				return nil, fmt.Errorf("decoding a forecast selector: %w", err)
			}
		}
		m.Combiner.Rounds = append(m.Combiner.Rounds, trees)
	}
	if h.WidthTrees > 0 {
		w := &gbdt.Quantile{Features: spreadWidth, Bias: h.WidthBias}
		for range h.WidthTrees {
			var t gbdt.Tree
			if t, rest, err = gbdt.ReadTree(rest); err != nil {
				return nil, fmt.Errorf("decoding a forecast selector: %w", err)
			}
			w.Trees = append(w.Trees, t)
		}
		m.Calibration.Width = w
	}
	if err := m.Combiner.Validate(); err != nil {
		return nil, fmt.Errorf("decoding a forecast selector: %w", err)
	}
	return m, m.Calibration.validate()
}
