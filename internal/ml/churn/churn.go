// Package churn learns who leaves from tables of mixed features: numbers,
// booleans and categories with holes, encoded for gradient-boosted trees and
// explained feature by feature.
package churn

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/omni-run/omni/internal/ml/gbdt"
)

// Value is one feature of one row: a number, a text, or missing (the zero
// value).
type Value struct {
	Number float64
	Text   string
	Kind   Kind
}

// Kind of a Value.
type Kind uint8

// Kinds of values.
const (
	Missing Kind = iota
	Number
	Text
)

// Row holds the features of one user by name.
type Row map[string]Value

// Column is one feature as the model reads it.
type Column struct {
	Name string `json:"name"`
	// Categories is nil for a number. A text outside it is "other": it lights
	// none of the category's indicators.
	Categories []string `json:"categories,omitempty"`
	// Importance is the mean absolute contribution over training rows.
	Importance float64 `json:"importance"`
}

func (c Column) width() int { return max(1, len(c.Categories)) }

// Model is a trained model with its encoding.
type Model struct {
	Columns []Column   `json:"columns"`
	Trees   gbdt.Model `json:"trees"`
	// BaseRate is the share of churners in the training rows.
	BaseRate float64 `json:"base_rate"`
	// AUC on held-out rows, 0.5 when it could not be measured.
	AUC float64 `json:"auc"`
}

// Contribution is one feature's Shapley value in log-odds.
type Contribution struct {
	Feature string
	Value   float64
}

// encode lays a row out in the columns' indicators and numbers.
func (m *Model) encode(r Row) []float64 {
	out := make([]float64, 0, m.Trees.Features)
	for _, c := range m.Columns {
		v := r[c.Name]
		if c.Categories == nil {
			out = append(out, asNumber(v))
			continue
		}
		text, known := asText(v)
		for _, category := range c.Categories {
			switch {
			case !known:
				out = append(out, math.NaN())
			case category == text:
				out = append(out, 1)
			default:
				out = append(out, 0)
			}
		}
	}
	return out
}

// Predict returns the log-odds, the base they start from, and each feature's
// contribution in the order of the columns; they add up.
func (m *Model) Predict(r Row) (odds, base float64, parts []Contribution) {
	x := m.encode(r)
	phi, base := m.Trees.Contributions(x)
	at := 0
	for _, c := range m.Columns {
		p := Contribution{Feature: c.Name}
		for range c.width() {
			p.Value += phi[at]
			at++
		}
		parts = append(parts, p)
	}
	return m.Trees.LogOdds(x), base, parts
}

// Coverage is the share of the model's importance that the row's features
// carry, between 0 and 1.
func (m *Model) Coverage(r Row) float64 {
	var have, all float64
	for _, c := range m.Columns {
		all += c.Importance
		if r[c.Name].Kind != Missing {
			have += c.Importance
		}
	}
	if all == 0 {
		return 0
	}
	return have / all
}

// Encode writes the model as compressed JSON.
func (m *Model) Encode() ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(json.NewEncoder(z).Encode(m), z.Close()); err != nil {
		return nil, fmt.Errorf("encoding a churn model: %w", err)
	}
	return b.Bytes(), nil
}

// maxDecoded bounds the size of a decoded artefact.
const maxDecoded = 64 << 20

// Decode reads what Encode wrote and checks it.
func Decode(raw []byte) (*Model, error) {
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("decoding a churn model: %w", err)
	}
	m := &Model{}
	if err := json.NewDecoder(io.LimitReader(z, maxDecoded)).Decode(m); err != nil {
		return nil, fmt.Errorf("decoding a churn model: %w", err)
	}
	width := 0
	for _, c := range m.Columns {
		width += c.width()
	}
	if width != m.Trees.Features {
		return nil, errors.New("decoding a churn model: columns and trees disagree")
	}
	if err := m.Trees.Validate(); err != nil {
		return nil, fmt.Errorf("decoding a churn model: %w", err)
	}
	return m, nil
}

// Bytes estimates what the model occupies in memory.
func (m *Model) Bytes() int64 {
	const node = 45
	n := int64(1024)
	for i := range m.Trees.Trees {
		n += int64(len(m.Trees.Trees[i].Feature))*node + 200
	}
	for _, c := range m.Columns {
		n += int64(len(c.Name)) + 64
		for _, v := range c.Categories {
			n += int64(len(v)) + 16
		}
	}
	return n
}

// Names returns the features the model reads.
func (m *Model) Names() []string {
	out := make([]string, len(m.Columns))
	for i, c := range m.Columns {
		out[i] = c.Name
	}
	return out
}
