// Package filestore keeps tenants and hashed keys in one JSON file. The file
// can be mounted from a secret manager, so that a gateway that scales to zero
// needs no database; it is read again whenever it changes. Where the file can
// be written, it is replaced as a whole by a rename, with mode 0600.
package filestore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/omni-run/omni/internal/authn"
)

// maxFileSize bounds the file: about 200,000 keys.
const maxFileSize = 64 << 20

// rereadEvery is how often the content is read though the file looks
// unchanged: volumes of secret managers may serve new content under the old
// time and size.
const rereadEvery = 30 * time.Second

// Store is a file of tenants and keys. It is safe for concurrent use and, on
// Unix, for several processes on one file.
type Store struct {
	path      string
	auditPath string
	now       func() time.Time

	// mu guards what was last read.
	mu     sync.Mutex
	seen   fs.FileInfo
	readAt time.Time
	// version is the hash of the content read last.
	version string

	// writing serialises changes made in this process.
	writing sync.Mutex
}

var _ authn.Store = (*Store)(nil)

// Options says how a file is opened.
type Options struct {
	// Create makes an empty file when there is none. Without it a missing file
	// is an error at the start, as for a secret that was not mounted.
	Create bool
	// Audit is the file of the audit log, JSON lines, made when first written;
	// empty for none. It can be beside the key file, or elsewhere when that one
	// is mounted to be read only.
	Audit string
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// Open returns the store in the file at path.
func Open(path string, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{path: path, auditPath: o.Audit, now: o.Now}
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) && o.Create {
		err = s.change(nil, "", func(*authn.Snapshot) (string, error) { return "", nil })
	}
	if err != nil {
		return nil, fmt.Errorf("opening the key file: %w", err)
	}
	return s, nil
}

// Close releases nothing: the file is open only while it is read or written.
func (s *Store) Close() error { return nil }

// Poll returns the content if it differs from the one called known.
func (s *Store) Poll(_ context.Context, known string) (*authn.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := os.Stat(s.path)
	if err != nil {
		return nil, fmt.Errorf("looking at the key file: %w", err)
	}
	now := s.now()
	if known != "" && known == s.version && s.unchangedLocked(info, now) {
		return nil, nil
	}
	content, err := readFile(s.path)
	if err != nil {
		return nil, err
	}
	version := versionOf(content)
	if version == known {
		s.seen, s.readAt, s.version = info, now, version
		return nil, nil
	}
	snap, err := decode(content)
	if err != nil {
		return nil, err
	}
	snap.Version = version
	s.seen, s.readAt, s.version = info, now, version
	return snap, nil
}

// unchangedLocked reports whether the file need not be read. A file touched in
// the last two seconds is read in any case: a second write within the grain of
// the file system's clock would not show.
func (s *Store) unchangedLocked(info fs.FileInfo, now time.Time) bool {
	sinceRead, sinceTouched := now.Sub(s.readAt), s.readAt.Sub(info.ModTime())
	return s.seen != nil && os.SameFile(s.seen, info) && info.Size() == s.seen.Size() && info.ModTime().Equal(s.seen.ModTime()) &&
		sinceTouched > 2*time.Second && sinceRead >= 0 && sinceRead < rereadEvery
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the key file: %w", err)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("reading the key file: %w", err)
	}
	if len(content) > maxFileSize {
		return nil, fmt.Errorf("%w: the file is larger than %d bytes", authn.ErrContent, maxFileSize)
	}
	return content, nil
}

func versionOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:16])
}

// PutTenant implements authn.Store.
func (s *Store) PutTenant(ctx context.Context, t authn.Tenant) error {
	return s.change(authn.ActOf(ctx), t.ID, func(snap *authn.Snapshot) (string, error) {
		at, found := findTenant(snap, t.ID)
		if found {
			return "", authn.ErrExists
		}
		snap.Tenants = slices.Insert(snap.Tenants, at, t)
		return t.ID, nil
	})
}

// UpdateTenant implements authn.Store.
func (s *Store) UpdateTenant(ctx context.Context, id string, change func(*authn.Tenant) error) (authn.Tenant, error) {
	var out authn.Tenant
	err := s.change(authn.ActOf(ctx), id, func(snap *authn.Snapshot) (string, error) {
		at, found := findTenant(snap, id)
		if !found {
			return "", authn.ErrNotFound
		}
		if err := change(&snap.Tenants[at]); err != nil {
			return "", err
		}
		out = snap.Tenants[at]
		return out.ID, nil
	})
	return out, err
}

// PutKey implements authn.Store.
func (s *Store) PutKey(ctx context.Context, k authn.Key) error {
	return s.change(authn.ActOf(ctx), k.ID, func(snap *authn.Snapshot) (string, error) { return k.Tenant, insertKey(snap, k) })
}

// UpdateKey implements authn.Store.
func (s *Store) UpdateKey(ctx context.Context, id string, change func(*authn.Key) (*authn.Key, error)) (authn.Key, error) {
	var out authn.Key
	err := s.change(authn.ActOf(ctx), id, func(snap *authn.Snapshot) (string, error) {
		at, found := findKey(snap, id)
		if !found {
			return "", authn.ErrNotFound
		}
		add, err := change(&snap.Keys[at])
		if err != nil {
			return "", err
		}
		out = snap.Keys[at]
		if add != nil {
			return out.Tenant, insertKey(snap, *add)
		}
		return out.Tenant, nil
	})
	return out, err
}

func insertKey(snap *authn.Snapshot, k authn.Key) error {
	if _, found := findTenant(snap, k.Tenant); !found {
		return authn.ErrNotFound
	}
	at, found := findKey(snap, k.ID)
	if found {
		return authn.ErrExists
	}
	snap.Keys = slices.Insert(snap.Keys, at, k)
	return nil
}

func findTenant(s *authn.Snapshot, id string) (int, bool) {
	return slices.BinarySearchFunc(s.Tenants, id, func(t authn.Tenant, id string) int { return cmp.Compare(t.ID, id) })
}

func findKey(s *authn.Snapshot, id string) (int, bool) {
	return slices.BinarySearchFunc(s.Keys, id, func(k authn.Key, id string) int { return cmp.Compare(k.ID, id) })
}

// change reads the file, applies f and replaces the file. A lock file beside
// it keeps other processes out meanwhile. What is done in the name of an act is
// written to the audit log afterwards: f returns whose row it was.
func (s *Store) change(act *authn.Act, target string, f func(*authn.Snapshot) (tenant string, err error)) (err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	unlock, err := lock(s.path + ".lock")
	if err != nil {
		return readOnly(fmt.Errorf("locking the key file: %w", err))
	}
	defer unlock()
	snap, err := s.readAll()
	if err != nil {
		return err
	}
	tenant, err := f(snap)
	if err != nil {
		return err
	}
	content, err := encode(snap)
	if err != nil {
		return err
	}
	if act == nil || s.auditPath == "" {
		return readOnly(replace(s.path, content))
	}
	log, err := s.openTrail()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.close()) }()
	if err := readOnly(replace(s.path, content)); err != nil {
		return err
	}
	act.On(target, tenant)
	if err := log.write(act.Entry()); err == nil {
		act.Wrote() // else whoever acts finds it unwritten, and tries again
	}
	return nil
}

// readAll reads the file for a change; none is an empty one.
func (s *Store) readAll() (*authn.Snapshot, error) {
	content, err := readFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return &authn.Snapshot{}, nil
	}
	if err != nil {
		return nil, err
	}
	return decode(content)
}

// readOnly tells a store that cannot be written from one that failed.
func readOnly(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("%w: %w", authn.ErrReadOnly, err)
	}
	return err
}
