package anomaly

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/omni-run/omni/internal/ml/stream"
)

// verdict is what was said of a point, kept so that a call which is sent again
// hears the same.
type verdict struct {
	at              int64 // unix nanoseconds
	score, expected float64
	feature         stream.Feature
}

// remembered is how many verdicts a stream keeps, and so how many points of a
// metric one call may bring.
const remembered = 1000

// metricStream is one metric's detector with its newest verdicts.
type metricStream struct {
	detector *stream.Detector
	verdicts []verdict // oldest first, at most remembered
}

func newMetricStream() *metricStream { return &metricStream{detector: stream.New()} }

// last is the time of the newest point; false before the first.
func (m *metricStream) last() (time.Time, bool) {
	if len(m.verdicts) == 0 {
		return time.Time{}, false
	}
	return time.Unix(0, m.verdicts[len(m.verdicts)-1].at).UTC(), true
}

// recall returns what was said of the point at that time.
func (m *metricStream) recall(at time.Time) (verdict, bool) {
	nanoseconds := at.UnixNano()
	for i := len(m.verdicts) - 1; i >= 0 && m.verdicts[i].at >= nanoseconds; i-- {
		if m.verdicts[i].at == nanoseconds {
			return m.verdicts[i], true
		}
	}
	return verdict{}, false
}

// push judges a point that is newer than all before.
func (m *metricStream) push(at time.Time, value float64) verdict {
	p := m.detector.Push(at, value)
	v := verdict{at: at.UnixNano(), score: p.Score, expected: p.Expected, feature: p.Feature}
	if len(m.verdicts) == remembered {
		m.verdicts = append(m.verdicts[:0], m.verdicts[1:]...)
	}
	m.verdicts = append(m.verdicts, v)
	return v
}

// magic names the form of encode.
const magic = "OMNISTR1"

// verdictBytes is the size of one encoded verdict.
const verdictBytes = 8 + 8 + 8 + 1

// encode writes magic, the number of verdicts, the verdicts and the detector,
// little-endian; the detector's part bears its own checksum.
func (m *metricStream) encode() ([]byte, error) {
	detector, err := m.detector.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("encoding a stream: %w", err)
	}
	out := make([]byte, 0, len(magic)+4+verdictBytes*len(m.verdicts)+len(detector))
	out = append(out, magic...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(m.verdicts)))
	for _, v := range m.verdicts {
		out = binary.LittleEndian.AppendUint64(out, uint64(v.at))
		out = binary.LittleEndian.AppendUint64(out, math.Float64bits(v.score))
		out = binary.LittleEndian.AppendUint64(out, math.Float64bits(v.expected))
		out = append(out, byte(v.feature+1))
	}
	return append(out, detector...), nil
}

var errDamaged = errors.New("a stored stream is damaged")

func decodeStream(data []byte) (*metricStream, error) {
	if len(data) < len(magic)+4 || string(data[:len(magic)]) != magic {
		return nil, errDamaged
	}
	n := binary.LittleEndian.Uint32(data[len(magic):])
	data = data[len(magic)+4:]
	if n > remembered || uint64(len(data)) < uint64(n)*verdictBytes {
		return nil, errDamaged
	}
	m := newMetricStream()
	for range n {
		v := verdict{
			at:    int64(binary.LittleEndian.Uint64(data)),
			score: math.Float64frombits(binary.LittleEndian.Uint64(data[8:])), expected: math.Float64frombits(binary.LittleEndian.Uint64(data[16:])),
			feature: stream.Feature(data[24]) - 1,
		}
		if k := len(m.verdicts); v.feature > stream.Level || !(v.score >= 0 && v.score <= 1) || k > 0 && v.at <= m.verdicts[k-1].at {
			return nil, errDamaged
		}
		m.verdicts, data = append(m.verdicts, v), data[verdictBytes:]
	}
	if err := m.detector.UnmarshalBinary(data); err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return m, nil
}
