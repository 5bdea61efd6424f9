//go:build unix && !linux

package wake

import (
	"os/exec"
	"syscall"
)

// tie gives the process a group of its own: a terminal's Ctrl-C does not reach
// it, and what it starts can be ended with it.
func tie(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
