package gbdt

import (
	"encoding/binary"
	"math"
)

// A tree in a file, little-endian: the number of nodes (2 bytes), then for each
// its feature, 65535 for a leaf (2), its children (2 and 2), whether missing
// values go left (1), its threshold and its value as float32 (4 and 4).
const (
	nodeSize = 15
	leafMark = math.MaxUint16
)

// AppendTree writes a tree of at most 65,535 nodes and features to the end of
// raw. How many rows reached a node is not kept.
func AppendTree(raw []byte, t Tree) []byte {
	le := binary.LittleEndian
	raw = le.AppendUint16(raw, uint16(len(t.Feature)))
	for i, f := range t.Feature {
		if f < 0 {
			f = leafMark
		}
		raw = le.AppendUint16(raw, uint16(f))
		raw = le.AppendUint16(raw, uint16(t.Left[i]))
		raw = le.AppendUint16(raw, uint16(t.Right[i]))
		left := byte(0)
		if t.MissingLeft[i] {
			left = 1
		}
		raw = append(raw, left)
		raw = le.AppendUint32(raw, math.Float32bits(float32(t.Threshold[i])))
		raw = le.AppendUint32(raw, math.Float32bits(float32(t.Value[i])))
	}
	return raw
}

// ReadTree reads what AppendTree wrote and returns what follows it. Whether a
// tree can be walked is for its model's Validate to say.
func ReadTree(raw []byte) (t Tree, rest []byte, err error) {
	le := binary.LittleEndian
	if len(raw) < 2 {
		return t, nil, errDamaged
	}
	n := int(le.Uint16(raw))
	if raw = raw[2:]; len(raw) < n*nodeSize {
		return t, nil, errDamaged
	}
	t = Tree{
		Feature: make([]int32, n), Threshold: make([]float64, n), MissingLeft: make([]bool, n), Left: make([]int32, n), Right: make([]int32, n),
		Value: make([]float64, n), Cover: make([]float64, n),
	}
	for i := range n {
		at := raw[i*nodeSize:]
		if t.Feature[i] = int32(le.Uint16(at)); t.Feature[i] == leafMark {
			t.Feature[i] = -1
		}
		t.Left[i], t.Right[i] = int32(le.Uint16(at[2:])), int32(le.Uint16(at[4:]))
		t.MissingLeft[i] = at[6] == 1
		t.Threshold[i] = float64(math.Float32frombits(le.Uint32(at[7:])))
		t.Value[i] = float64(math.Float32frombits(le.Uint32(at[11:])))
		t.Cover[i] = 1
	}
	return t, raw[n*nodeSize:], nil
}
