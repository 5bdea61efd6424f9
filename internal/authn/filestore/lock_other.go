//go:build !unix || solaris || aix

package filestore

// lock does nothing here: on these systems only one process may write the key
// file at a time.
func lock(string) (unlock func(), err error) { return func() {}, nil }
