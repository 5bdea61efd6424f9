package usage

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"
)

// Entry is one call that was answered.
type Entry struct {
	At     time.Time
	Tenant string
	// Route is the route's pattern, never the raw path.
	Route   string
	Status  int
	Units   int64
	Latency time.Duration
}

// A frame in a segment file is
//
//	length of payload uint32 | CRC-32C of payload uint32 | payload
//
// in little endian. The payload is a version byte, then as varints the time in
// microseconds since 1970, status, units and latency in microseconds, then
// tenant and route, each behind its length.
const (
	frameHeader  = 8
	frameVersion = 1
	// minPayload is a payload with empty names and one-byte numbers.
	minPayload = 7
	maxPayload = 512
	maxTenant  = 128
	maxRoute   = 256
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// validate reports what makes e unfit to be recorded: a programmer's mistake,
// since nothing in it comes from a caller.
func (e *Entry) validate() error {
	switch {
	case e.Tenant == "" || len(e.Tenant) > maxTenant:
		return fmt.Errorf("usage: a tenant of %d bytes, must have 1 to %d", len(e.Tenant), maxTenant)
	case e.Route == "" || len(e.Route) > maxRoute:
		return fmt.Errorf("usage: a route of %d bytes, must have 1 to %d", len(e.Route), maxRoute)
	case e.Status < 100 || e.Status > 999:
		return fmt.Errorf("usage: status %d, must be in [100, 999]", e.Status)
	case e.Units < 0 || e.Units > 1<<40:
		return fmt.Errorf("usage: %d units, must be in [0, 2^40]", e.Units)
	}
	return nil
}

// appendFrame encodes e behind dst.
func appendFrame(dst []byte, e *Entry) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0, frameVersion)
	dst = binary.AppendVarint(dst, e.At.UnixMicro())
	dst = binary.AppendUvarint(dst, uint64(e.Status))
	dst = binary.AppendUvarint(dst, uint64(e.Units))
	dst = binary.AppendUvarint(dst, uint64(max(0, e.Latency.Microseconds())))
	dst = binary.AppendUvarint(dst, uint64(len(e.Tenant)))
	dst = append(dst, e.Tenant...)
	dst = binary.AppendUvarint(dst, uint64(len(e.Route)))
	dst = append(dst, e.Route...)
	payload := dst[start+frameHeader:]
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(dst[start+4:], crc32.Checksum(payload, castagnoli))
	return dst
}

// readFrame decodes the frame at the beginning of data and returns its length,
// or 0 if there is no whole and sound one. before is the entry read before, whose
// names are used again where they are the same.
func readFrame(data []byte, before *Entry) (e Entry, length int) {
	if len(data) < frameHeader+minPayload {
		return e, 0
	}
	n := binary.LittleEndian.Uint32(data)
	if n < minPayload || n > maxPayload || int(n) > len(data)-frameHeader {
		return e, 0
	}
	payload := data[frameHeader : frameHeader+int(n)]
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(data[4:]) {
		return e, 0
	}
	e.Tenant, e.Route = before.Tenant, before.Route
	if !e.decode(payload) || e.validate() != nil {
		return Entry{}, 0
	}
	return e, frameHeader + int(n)
}

func (e *Entry) decode(p []byte) bool {
	if p[0] != frameVersion {
		return false
	}
	r := reader{p: p[1:]}
	e.At = time.UnixMicro(r.varint()).UTC()
	e.Status = int(r.uvarint())
	e.Units = int64(r.uvarint())
	e.Latency = time.Duration(min(r.uvarint(), maxLatencyMicros)) * time.Microsecond
	e.Tenant = r.text(e.Tenant)
	e.Route = r.text(e.Route)
	return !r.bad && len(r.p) == 0
}

// maxLatencyMicros, 100 days, keeps sums of latencies far from overflow.
const maxLatencyMicros = 100 * 24 * 3600 * 1e6

// reader takes values off a payload and remembers if one was not there.
type reader struct {
	p   []byte
	bad bool
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.p)
	r.advance(n)
	return v
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.p)
	r.advance(n)
	return v
}

// text takes a name. last is the one before, which is mostly the same and then
// not copied again.
func (r *reader) text(last string) string {
	n := r.uvarint()
	if r.bad || n > uint64(len(r.p)) {
		r.bad = true
		return ""
	}
	if string(r.p[:n]) != last {
		last = string(r.p[:n])
	}
	r.p = r.p[n:]
	return last
}

func (r *reader) advance(n int) {
	if n <= 0 {
		r.bad, r.p = true, nil
		return
	}
	r.p = r.p[n:]
}
