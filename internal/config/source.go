package config

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Source is where a configuration came from and can be read again.
type Source struct {
	// Path of the file; empty for none.
	Path string
	// Getenv reads the environment, which overrides the file.
	Getenv func(string) string
}

// ErrEmpty is what a running gateway says of a file that holds nothing: as a
// rule it is being written, or was cut off.
var ErrEmpty = errors.New("the configuration file is empty")

// Load reads the configuration for a gateway that runs already. Its errors
// name neither the file nor anything that the file holds beside the value at
// fault.
func (s Source) Load() (Config, error) {
	if s.Path == "" {
		return Load("", s.Getenv)
	}
	raw, err := os.ReadFile(s.Path)
	switch {
	case err != nil:
		return Config{}, fmt.Errorf("the configuration file cannot be read: %w", cause(err))
	case len(strings.TrimSpace(string(raw))) == 0:
		return Config{}, ErrEmpty
	}
	return read(raw, s.Getenv, false)
}

// cause is what went wrong with a file, without its path.
func cause(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// Fingerprint changes when the content of the file does, or of the files that
// c names in its turn for secrets. Links are followed, so that a mounted
// ConfigMap's exchange is a change.
func (s Source) Fingerprint(c Config) [sha256.Size]byte {
	h := sha256.New()
	var size [8]byte
	add := func(path string) {
		if path == "" {
			return
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			raw = []byte("cannot be read: " + cause(err).Error())
		}
		binary.LittleEndian.PutUint64(size[:], uint64(len(raw)))
		h.Write(size[:]) // a hash takes everything
		h.Write(raw)
	}
	add(s.Path)
	for i := range c.Workers {
		add(c.Workers[i].TokenFile)
	}
	add(c.Webhooks.KeyFile)
	return [sha256.Size]byte(h.Sum(nil))
}
