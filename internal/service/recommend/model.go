package recommend

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/omni-run/omni/internal/ml/als"
	"github.com/omni-run/omni/internal/ml/ease"
	"github.com/omni-run/omni/internal/ml/sparse"
)

// Names of models as callers give and read them. modelNone is what answers
// while nothing was trained.
const (
	modelAuto = "auto"
	modelEASE = "ease"
	modelALS  = "als"
	modelNone = "content+popularity"
)

// artifact is a trained collaborative model: one of ease and als is set, over
// the items ids.
type artifact struct {
	ids  []string
	ease *ease.Model
	als  *als.Model
}

func (a *artifact) kind() string {
	if a.ease != nil {
		return modelEASE
	}
	return modelALS
}

// model is an artifact bound to a tenant's numbering of items.
type model struct {
	*artifact
	version int
	// toTenant maps the model's items to the tenant's; toModel the other way,
	// -1 or past the end for items that came after the training.
	toTenant, toModel []int32
}

// bind numbers the artifact's items as the tenant does.
func (t *tenant) bind(a *artifact, version int) *model {
	m := &model{artifact: a, version: version, toTenant: make([]int32, len(a.ids))}
	for i, id := range a.ids {
		m.toTenant[i] = t.itemAt(id)
	}
	m.toModel = make([]int32, len(t.items))
	for i := range m.toModel {
		m.toModel[i] = -1
	}
	for i, k := range m.toTenant {
		m.toModel[k] = int32(i)
	}
	return m
}

func (m *model) bytes() int64 {
	n := int64(len(m.toTenant)+len(m.toModel)) * 4
	for _, id := range m.ids {
		n += int64(len(id)) + 16
	}
	if m.ease != nil {
		return n + m.ease.Weights.Bytes()
	}
	return n + int64(len(m.als.Items))*4 + int64(m.als.Factors*m.als.Factors)*4
}

// covers reports whether the model has learnt of the tenant's item; -1 is
// none.
func (m *model) covers(i int32) bool { return i >= 0 && int(i) < len(m.toModel) && m.toModel[i] >= 0 }

// session is what the model says for one set of items with weights.
type session struct {
	m *model
	// sources are the indices, in the caller's list, of the items the model
	// knows; items and values are theirs, in the model's numbering.
	sources []int
	items   []int32
	values  []float32
	profile *als.Profile
}

// open starts a session from the tenant's item numbers and their weights.
func (m *model) open(items []int32, values []float32) (*session, error) {
	s := &session{m: m}
	for k, i := range items {
		if m.covers(i) && values[k] != 0 {
			s.sources = append(s.sources, k)
			s.items = append(s.items, m.toModel[i])
			s.values = append(s.values, values[k])
		}
	}
	var err error
	if m.als != nil && len(s.items) > 0 {
		s.profile, err = m.als.FoldIn(s.items, s.values)
	}
	return s, err
}

// score sets dst, one number a tenant's item, to the model's scores.
func (s *session) score(dst []float64) {
	own := make([]float32, len(s.m.ids))
	if s.m.ease != nil {
		s.m.ease.Score(own, s.items, s.values)
	} else {
		s.profile.Score(own)
		s.withoutSelf(own)
	}
	for i, v := range own {
		dst[s.m.toTenant[i]] = float64(v)
	}
}

// withoutSelf takes from an item's score what the item's own presence in the
// session gave it, which says nothing about what to show next. EASE has no
// such part by construction.
func (s *session) withoutSelf(own []float32) {
	parts := make([]float64, len(s.items))
	for k, i := range s.items {
		s.profile.Contributions(int(i), parts)
		own[i] -= float32(parts[k])
	}
}

// contributions returns what each of the caller's n items adds to the score of
// a tenant's item.
func (s *session) contributions(target int32, n int) []float64 {
	out := make([]float64, n)
	if !s.m.covers(target) || len(s.items) == 0 {
		return out
	}
	j := int(s.m.toModel[target])
	if s.m.ease != nil {
		for k, i := range s.items {
			out[s.sources[k]] += float64(s.values[k] * s.m.ease.Weight(int(i), j))
		}
		return out
	}
	parts := make([]float64, len(s.items))
	s.profile.Contributions(j, parts)
	for k, p := range parts {
		if int(s.items[k]) != j {
			out[s.sources[k]] += p
		}
	}
	return out
}

// artifactMagic opens every artefact; the digit is the version of the format.
const artifactMagic = "OMNIREC1"

var errBadArtifact = errors.New("recommend: the artefact is damaged")

// encode writes the magic, the kind, the ids, and then for EASE each row's
// length, columns and weights, for ALS the options and the item vectors.
func (a *artifact) encode() []byte {
	b := []byte(artifactMagic)
	b = append(b, a.kind()[0])
	b = binary.AppendUvarint(b, uint64(len(a.ids)))
	for _, id := range a.ids {
		b = binary.AppendUvarint(b, uint64(len(id)))
		b = append(b, id...)
	}
	if a.ease != nil {
		for i := range a.ease.Weights.Rows {
			cols, values := a.ease.Weights.Row(i)
			b = binary.AppendUvarint(b, uint64(len(cols)))
			for _, c := range cols {
				b = binary.LittleEndian.AppendUint32(b, uint32(c))
			}
			b = appendFloats(b, values)
		}
		return b
	}
	b = binary.AppendUvarint(b, uint64(a.als.Factors))
	for _, v := range []float64{a.als.Alpha, a.als.Reg, a.als.RegPower} {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return appendFloats(b, a.als.Items)
}

func appendFloats(b []byte, x []float32) []byte {
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// reader takes an artefact apart; after the first fault it reads zeros.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n uint64) []byte {
	if r.bad || n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

// number reads a length and refuses one that the rest cannot hold at unit
// bytes each, so that a damaged length cannot ask for memory.
func (r *reader) number(unit int) int {
	v, n := binary.Uvarint(r.b)
	if r.bad || n <= 0 || v > uint64(len(r.b)-n)/uint64(unit) {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return int(v)
}

func (r *reader) floats(n int) []float32 {
	raw := r.take(uint64(n) * 4)
	out := make([]float32, len(raw)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[i*4:]))
		if v := float64(out[i]); math.IsNaN(v) || math.IsInf(v, 0) {
			r.bad = true
		}
	}
	return out
}

func (r *reader) float64() float64 {
	raw := r.take(8)
	if raw == nil {
		return 0
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(raw))
}

func decodeArtifact(b []byte) (*artifact, error) {
	r := &reader{b: b}
	if string(r.take(uint64(len(artifactMagic)))) != artifactMagic {
		return nil, errBadArtifact
	}
	kind := r.take(1)
	a := &artifact{ids: make([]string, r.number(1))}
	seen := make(map[string]bool, len(a.ids))
	for i := range a.ids {
		a.ids[i] = string(r.take(uint64(r.number(1))))
		seen[a.ids[i]] = true
	}
	if r.bad || len(seen) != len(a.ids) {
		return nil, errBadArtifact
	}
	switch string(kind) {
	case modelEASE[:1]:
		return a, r.readEASE(a)
	case modelALS[:1]:
		return a, r.readALS(a)
	}
	return nil, errBadArtifact
}

func (r *reader) readEASE(a *artifact) error {
	n := len(a.ids)
	start := make([]int, 1, n+1)
	var index []int32
	var value []float32
	for range n {
		k := r.number(8)
		raw := r.take(uint64(k) * 4)
		for i := 0; i < len(raw); i += 4 {
			index = append(index, int32(binary.LittleEndian.Uint32(raw[i:])))
		}
		value = append(value, r.floats(k)...)
		start = append(start, len(index))
	}
	w, ok := sparse.FromRows(n, n, start, index, value)
	if r.bad || !ok || len(r.b) > 0 {
		return errBadArtifact
	}
	a.ease = &ease.Model{Weights: w}
	return nil
}

func (r *reader) readALS(a *artifact) error {
	factors := r.number(1)
	alpha, reg, power := r.float64(), r.float64(), r.float64()
	if r.bad || len(r.b)%4 != 0 || factors < 1 || factors > 512 || len(r.b) != len(a.ids)*factors*4 {
		return errBadArtifact
	}
	items := r.floats(len(a.ids) * factors)
	m, err := als.NewModel(factors, items, alpha, reg, power)
	if r.bad || err != nil {
		return errBadArtifact
	}
	a.als = m
	return nil
}
