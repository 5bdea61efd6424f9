package filestore

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/omni-run/omni/internal/authn"
)

// formatVersion is the only one so far.
const formatVersion = 1

// file is the JSON in the file.
type file struct {
	Version int            `json:"version"`
	Tenants []authn.Tenant `json:"tenants"`
	Keys    []authn.Key    `json:"keys"`
}

// decode reads a whole file, strictly. Its errors wrap authn.ErrContent and do
// not repeat the content: somebody may have put a key where a hash belongs.
func decode(content []byte) (*authn.Snapshot, error) {
	if len(bytes.TrimSpace(content)) == 0 {
		// An empty file is a torn write or an unset secret, not "no keys".
		return nil, fmt.Errorf("%w: the file is empty", authn.ErrContent)
	}
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.DisallowUnknownFields()
	var f file
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("%w: %s", authn.ErrContent, describe(err, dec.InputOffset()))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: more than one JSON value", authn.ErrContent)
	}
	if f.Version != formatVersion {
		return nil, fmt.Errorf("%w: version = %d, must be %d", authn.ErrContent, f.Version, formatVersion)
	}
	snap := &authn.Snapshot{Tenants: f.Tenants, Keys: f.Keys}
	if err := authn.CheckSnapshot(snap); err != nil {
		return nil, err
	}
	slices.SortFunc(snap.Tenants, func(a, b authn.Tenant) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(snap.Keys, func(a, b authn.Key) int { return cmp.Compare(a.ID, b.ID) })
	return snap, nil
}

// describe says where decoding failed in words that hold nothing of the file.
func describe(err error, offset int64) string {
	var wrong *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &wrong):
		return fmt.Sprintf("byte %d: a JSON value of the wrong type", wrong.Offset)
	case errors.As(err, &syntax):
		return fmt.Sprintf("byte %d: not valid JSON", syntax.Offset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the file ends in the middle of a value"
	default:
		return fmt.Sprintf("near byte %d: an unknown field, a date that is not RFC 3339, a network that is not like 10.0.0.0/8, or a hash that is not 64 hex digits", offset)
	}
}

func encode(s *authn.Snapshot) ([]byte, error) {
	if err := authn.CheckSnapshot(s); err != nil {
		return nil, &authn.InvalidError{Err: err}
	}
	f := file{Version: formatVersion, Tenants: s.Tenants, Keys: s.Keys}
	if f.Tenants == nil {
		f.Tenants = []authn.Tenant{}
	}
	if f.Keys == nil {
		f.Keys = []authn.Key{}
	}
	content, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the key file: %w", err)
	}
	return append(content, '\n'), nil
}
