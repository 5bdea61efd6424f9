//go:build unix && !solaris && !aix

package lockfile

import (
	"errors"
	"os"
	"syscall"
)

// Lock holds the lock file until unlock is called or the process dies; it
// fails at once if another process holds it.
func Lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	// Unlocked by name, not by closing alone: a child process being started at
	// this moment still holds a copy of the descriptor. There is nothing to do
	// about a failure.
	return func() {
		_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
		_ = f.Close()
	}, nil
}
