package filestore

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/omni-run/omni/internal/authn"
)

var _ authn.Trail = (*Store)(nil)

// maxEntry bounds one line of the audit log.
const maxEntry = 64 << 10

// ErrNoTrail says that the store was opened without an audit log.
var ErrNoTrail = errors.New("filestore: there is no audit log")

// Append implements authn.Trail: one JSON object a line, synced.
func (s *Store) Append(_ context.Context, e authn.Entry) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	log, err := s.openTrail()
	if err != nil {
		return err
	}
	return errors.Join(log.write(e), log.close())
}

// trail is the audit log, opened and locked for writing.
type trail struct {
	f      *os.File
	unlock func()
}

// openTrail opens the log for writing. It is opened before an act, so that
// what could not be recorded is not done.
func (s *Store) openTrail() (*trail, error) {
	if s.auditPath == "" {
		return nil, ErrNoTrail
	}
	unlock, err := lock(s.auditPath + ".lock")
	if err != nil {
		return nil, fmt.Errorf("locking the audit log: %w", err)
	}
	f, err := os.OpenFile(s.auditPath, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		unlock()
		return nil, fmt.Errorf("opening the audit log: %w", err)
	}
	return &trail{f, unlock}, nil
}

func (t *trail) close() error {
	defer t.unlock()
	return t.f.Close()
}

func (t *trail) write(e authn.Entry) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing the audit log: %w", err)
		}
	}()
	info, err := t.f.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	// An entry's number is its place in the file: it grows, and a process that
	// has just started knows it.
	e.Seq = size + 1
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if size > 0 {
		last := make([]byte, 1)
		if _, err := t.f.ReadAt(last, size-1); err != nil {
			return err
		}
		if last[0] != '\n' { // torn by a crash: the new line begins on its own
			line = append([]byte{'\n'}, line...)
		}
	}
	if _, err := t.f.Write(append(line, '\n')); err != nil {
		return err
	}
	return t.f.Sync()
}

// Entries implements authn.Trail. It reads the file from its beginning and
// keeps no more of it than the answer; a line that is no entry, torn by a
// crash, is passed over.
func (s *Store) Entries(ctx context.Context, since time.Time, before int64, limit int) (out []authn.Entry, err error) {
	if s.auditPath == "" {
		return nil, ErrNoTrail
	}
	f, err := os.Open(s.auditPath)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening the audit log: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lines := bufio.NewReaderSize(f, maxEntry)
	for ctx.Err() == nil {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			slices.Reverse(out)
			return out, nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, fmt.Errorf("reading the audit log: %w", err)
		}
		var e authn.Entry
		if json.Unmarshal(bytes.TrimSpace(line), &e) != nil || e.Seq == 0 || e.At.Before(since) || before != 0 && e.Seq >= before {
			continue
		}
		if len(out) == limit {
			out = slices.Delete(out, 0, 1)
		}
		out = append(out, e)
	}
	return nil, ctx.Err()
}
