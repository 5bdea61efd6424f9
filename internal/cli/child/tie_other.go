//go:build !unix

package child

import "os/exec"

// tie does nothing here: the end of its standard input tells the child that
// the parent died.
func tie(*exec.Cmd) {}
