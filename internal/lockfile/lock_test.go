//go:build unix && !solaris && !aix

package lockfile_test

import (
	"path/filepath"
	"testing"

	"github.com/omni-run/omni/internal/lockfile"
)

func TestOneHolderAtATime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lockfile.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := lockfile.Lock(path); err == nil {
		again()
		t.Error("two hold it")
	}
	unlock()
	if unlock, err = lockfile.Lock(path); err != nil {
		t.Fatal(err)
	}
	unlock()
	if _, err := lockfile.Lock(filepath.Join(path, "below")); err == nil {
		t.Error("a lock in a folder that is none")
	}
}
