// Package embed turns a text into a vector whose direction is its meaning, by
// a table of token vectors: a static sentence embedding. A text's vector is
// the sum of the vectors of its word pieces, each already weighted by how
// telling the piece is, brought to length one; two texts are alike by the dot
// product of theirs. It costs microseconds where a transformer costs
// milliseconds, and knows nothing of word order.
package embed

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/omni-run/omni/internal/ml/text"
)

// MaxTokens is the number of word pieces of a text that count; the rest of a
// longer text does not change its vector.
const MaxTokens = 2048

const (
	magic      = "OMNE"
	headerSize = 16
)

// Model is a static sentence embedding. It is safe for concurrent use.
type Model struct {
	words *text.WordPiece
	dim   int
	// scales and rows are read in place: rows[id*dim+j] * scales[id].
	scales, rows string
}

// New makes a model of a vocabulary (one token a line) and a table in the form
// that models/embed/train/distill.py writes: magic "OMNE", version, rows and
// dim as little-endian uint32, one float32 scale a row, rows × dim int8. It
// keeps both strings and copies neither.
func New(vocabulary, table string) (*Model, error) {
	if len(table) < headerSize || table[:4] != magic {
		return nil, fmt.Errorf("embed: not an embedding table")
	}
	version, rows, dim := word(table, 4), int(word(table, 8)), int(word(table, 12))
	if version != 1 {
		return nil, fmt.Errorf("embed: table version %d, this code reads 1", version)
	}
	if dim < 1 || dim > 1<<16 || rows < 1 || rows > 1<<24 || len(table) != headerSize+rows*4+rows*dim {
		return nil, fmt.Errorf("embed: a table of %d bytes cannot hold %d rows of %d", len(table), rows, dim)
	}
	words := text.NewWordPiece(vocabulary)
	if words.Size() != rows {
		return nil, fmt.Errorf("embed: the vocabulary has %d tokens and the table %d rows", words.Size(), rows)
	}
	m := &Model{words: words, dim: dim, scales: table[headerSize : headerSize+rows*4], rows: table[headerSize+rows*4:]}
	for id := range rows {
		if s := m.scale(int32(id)); !(s >= 0 && s < 1e6) {
			return nil, fmt.Errorf("embed: the scale of row %d is %v", id, s)
		}
	}
	return m, nil
}

// Dim returns the length of the vectors.
func (m *Model) Dim() int { return m.dim }

// WordPiece returns the model's tokeniser.
func (m *Model) WordPiece() *text.WordPiece { return m.words }

// Embed returns the vector of s, of Euclidean length 1, in dst if that is long
// enough. A text with no known token gives zeros, which are like nothing.
func (m *Model) Embed(s string, dst []float32) []float32 {
	var buffer [128]int32
	return m.EmbedTokens(m.words.Append(buffer[:0], s, MaxTokens), dst)
}

// EmbedTokens is Embed for token ids, which must come from the model's
// tokeniser.
func (m *Model) EmbedTokens(ids []int32, dst []float32) []float32 {
	if cap(dst) < m.dim {
		dst = make([]float32, m.dim)
	}
	dst = dst[:m.dim]
	clear(dst)
	for _, id := range ids {
		scale := m.scale(id)
		if scale == 0 {
			continue
		}
		row := m.rows[int(id)*m.dim : (int(id)+1)*m.dim]
		for j := range dst {
			dst[j] += scale * float32(int8(row[j]))
		}
	}
	var square float64
	for _, x := range dst {
		square += float64(x) * float64(x)
	}
	if square < 1e-20 {
		clear(dst)
		return dst
	}
	inverse := float32(1 / math.Sqrt(square))
	for j := range dst {
		dst[j] *= inverse
	}
	return dst
}

func (m *Model) scale(id int32) float32 {
	return math.Float32frombits(word(m.scales, int(id)*4))
}

func word(s string, at int) uint32 {
	return binary.LittleEndian.Uint32([]byte(s[at : at+4]))
}

// Dot returns the dot product of two vectors of equal length: the cosine of
// their angle when both have length 1. It panics when the lengths differ.
func Dot(a, b []float32) float32 {
	if len(a) != len(b) {
		panic("embed: Dot of vectors of different lengths")
	}
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		x, y := a[i:i+4:i+4], b[i:i+4:i+4]
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}
