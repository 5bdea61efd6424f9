//go:build unix && !linux

package child

import (
	"os/exec"
	"syscall"
)

// tie keeps the terminal's Ctrl-C from the child: the parent decides when it
// stops. The end of its standard input tells it that the parent died.
func tie(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
