//go:build !unix

package http1

// idleRead would wait without a buffer; here connections keep theirs.
type idleRead struct{}

func (*idleRead) init(*conn)       {}
func (*idleRead) wait(*conn) error { return nil }
func (*idleRead) now(*conn) bool   { return false }
