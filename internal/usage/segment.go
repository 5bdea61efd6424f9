package usage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// file is what a segment is written through.
type file interface {
	io.Writer
	Truncate(size int64) error
	Close() error
}

// openSegment creates a segment file that must not exist yet.
func openSegment(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return mapSegment(f), nil
}

// appender writes frames to one segment after the other.
type appender struct {
	dir string
	// open makes a segment file; tests put a full disk here.
	open func(path string) (file, error)
	// max is the size at which the next segment is begun.
	max int64

	// seq is the number of the current segment, and of the next one while
	// current is nil.
	seq     uint64
	current file
	// size is how many bytes of whole frames the current segment holds.
	size int64
}

// append writes data, whole frames, with one write. It returns how many bytes
// of data are down for good, in whole frames: all of them or, after an error,
// as a rule none. What a failed write left behind besides is cut off, or torn
// so that readers skip it.
func (a *appender) append(data []byte) (committed int, err error) {
	if a.current == nil {
		f, err := a.open(segmentPath(a.dir, a.seq))
		if err != nil {
			// The number may be spent: a file that was made but not opened.
			a.seq++
			return 0, fmt.Errorf("opening a usage segment: %w", err)
		}
		a.current, a.size = f, 0
	}
	n, err := a.current.Write(data)
	if err == nil && n < len(data) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return a.repair(data[:n], fmt.Errorf("writing to a usage segment: %w", err))
	}
	a.size += int64(n)
	if a.size >= a.max {
		return n, a.next()
	}
	return n, nil
}

// repair cuts off what a failed write left behind. If that fails too, the
// whole frames among it will be read, so they count as committed; the segment
// ends there.
func (a *appender) repair(written []byte, cause error) (committed int, err error) {
	if len(written) == 0 {
		return 0, cause
	}
	cut := a.current.Truncate(a.size)
	if cut == nil {
		return 0, cause
	}
	for {
		_, n := readFrame(written[committed:], &Entry{})
		if n == 0 {
			break
		}
		committed += n
	}
	return committed, errors.Join(cause, fmt.Errorf("cutting off a half-written record: %w", cut), a.next())
}

// next ends the current segment.
func (a *appender) next() error {
	if a.current == nil {
		return nil
	}
	err := a.current.Close()
	a.current, a.size = nil, 0
	a.seq++
	if err != nil {
		return fmt.Errorf("closing a usage segment: %w", err)
	}
	return nil
}

const segmentSuffix = ".seg"

func segmentName(seq uint64) string { return fmt.Sprintf("%020d%s", seq, segmentSuffix) }

func segmentPath(dir string, seq uint64) string { return filepath.Join(dir, segmentName(seq)) }

// segments lists the numbers of the segment files in dir, in order.
func segments(dir string) ([]uint64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("listing usage segments: %w", err)
	}
	var out []uint64
	for _, e := range entries {
		digits, ok := strings.CutSuffix(e.Name(), segmentSuffix)
		if !ok || len(digits) != 20 {
			continue
		}
		if n, err := strconv.ParseUint(digits, 10, 64); err == nil {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

// scan hands every sound frame of data to emit. It returns how many bytes it
// is done with and how many of those belonged to no sound frame. Unless final,
// a beginning of a frame at the end is left for the next time.
func scan(data []byte, final bool, emit func(Entry)) (done, skipped int) {
	var last Entry
	for done < len(data) {
		e, n := readFrame(data[done:], &last)
		switch {
		case n > 0:
			emit(e)
			last = e
			done += n
		case !final && len(data)-done < frameHeader+maxPayload:
			return done, skipped
		default:
			done++
			skipped++
		}
	}
	return done, skipped
}

// written returns how much of a segment's first size bytes was written: what a
// killed process had room for and did not use is zero. No frame ends in a zero
// byte, for its last is a letter of the route.
func written(f io.ReaderAt, size int64) (int64, error) {
	block := make([]byte, 64<<10)
	for size > 0 {
		part := block[:min(size, int64(len(block)))]
		if _, err := f.ReadAt(part, size-int64(len(part))); err != nil {
			return 0, fmt.Errorf("looking for a usage segment's end: %w", err)
		}
		if rest := bytes.TrimRight(part, "\x00"); len(rest) > 0 {
			return size - int64(len(part)-len(rest)), nil
		}
		size -= int64(len(part))
	}
	return 0, nil
}
