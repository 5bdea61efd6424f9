package filestore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// replace puts content in the place of the file at path: written beside it
// with mode 0600, synced, renamed over it, and the rename synced too. A reader
// sees the old content or the new, never a part. A symbolic link is followed,
// so that it stays one.
func replace(path string, content []byte) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".keys-*")
	if err != nil {
		return fmt.Errorf("writing the key file: %w", err)
	}
	if err := fill(f, content); err != nil {
		return errors.Join(fmt.Errorf("writing the key file: %w", err), os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return errors.Join(fmt.Errorf("replacing the key file: %w", err), os.Remove(f.Name()))
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("syncing the folder of the key file: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("syncing the folder of the key file: %w", err)
	}
	return nil
}

func fill(f *os.File, content []byte) error {
	_, err := f.Write(content)
	return errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close())
}
