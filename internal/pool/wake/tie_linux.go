package wake

import (
	"os/exec"
	"syscall"
)

// tie makes the kernel kill the process when the gateway dies, and gives it a
// process group of its own: a terminal's Ctrl-C does not reach it, and what it
// starts can be ended with it.
func tie(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
