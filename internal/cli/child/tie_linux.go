package child

import (
	"os/exec"
	"syscall"
)

// tie makes the kernel kill the child when its parent dies, and keeps the
// terminal's Ctrl-C from it: the parent decides when it stops.
func tie(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
