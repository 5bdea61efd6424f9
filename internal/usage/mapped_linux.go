package usage

import (
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
)

// window is how much of a segment is mapped, and given room on disk, at a
// time.
const window = 256 << 10

// mapped is a segment that is written through memory: the system holds the
// pages and writes them out whatever becomes of the process, as it does with
// those of write(2), but a record costs no system call. Room on disk is taken
// before it is written to, so that a full disk is an error and not a signal.
// Until Close the file is longer than what was written, and zero there.
//
// Where there is no such room, or no mapping, it goes on with write(2).
type mapped struct {
	file *os.File // opened for reading too, and for appending
	data []byte   // the window; nil if there is none
	base int64    // where in the file it begins
	off  int64    // where the next write goes
	// plain is set once write(2) is used.
	plain bool
}

var _ file = (*mapped)(nil)

// mapSegment makes f, which is empty, a mapped segment.
func mapSegment(f *os.File) file { return &mapped{file: f} }

// Write implements io.Writer. Through memory it writes all of p or, as far as
// anybody is to read it, nothing.
func (m *mapped) Write(p []byte) (int, error) {
	if !m.plain {
		err := m.advance(len(p))
		if err == nil {
			err = m.put(p)
		}
		if err == nil {
			m.off += int64(len(p))
			return len(p), nil
		}
		// write(2) needs less room, and knows better what is wrong.
		if err := m.Truncate(m.off); err != nil {
			return 0, err
		}
		m.plain = true
	}
	n, err := m.file.Write(p)
	m.off += int64(n)
	return n, err
}

// put copies p to its place. That faults if the disk fails, or somebody has cut
// the file off.
func (m *mapped) put(p []byte) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("a page of the segment cannot be written: %v", fault)
		}
	}()
	copy(m.data[m.off-m.base:], p)
	return nil
}

// advance moves the window, if need be, so that n bytes fit behind what is
// written.
func (m *mapped) advance(n int) error {
	if m.off+int64(n) <= m.base+int64(len(m.data)) {
		return nil
	}
	page := int64(os.Getpagesize())
	base := m.off &^ (page - 1)
	size := max(window, (m.off-base+int64(n)+page-1)&^(page-1))
	if err := syscall.Fallocate(int(m.file.Fd()), 0, base, size); err != nil {
		return fmt.Errorf("taking room for a segment: %w", err)
	}
	data, err := syscall.Mmap(int(m.file.Fd()), base, int(size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("mapping a segment: %w", err)
	}
	if err := m.unmap(); err != nil {
		_ = syscall.Munmap(data)
		return err
	}
	m.data, m.base = data, base
	return nil
}

func (m *mapped) unmap() error {
	if m.data == nil {
		return nil
	}
	err := syscall.Munmap(m.data)
	m.data, m.base = nil, 0
	if err != nil {
		return fmt.Errorf("unmapping a segment: %w", err)
	}
	return nil
}

// Truncate cuts the file to size bytes, behind which the next write goes.
func (m *mapped) Truncate(size int64) error {
	if err := m.unmap(); err != nil {
		return err
	}
	m.off = size
	return m.file.Truncate(size)
}

// Close gives back the room that was not needed.
func (m *mapped) Close() error {
	if m.plain {
		return m.file.Close()
	}
	err := m.Truncate(m.off)
	if closeErr := m.file.Close(); err == nil {
		err = closeErr
	}
	return err
}
