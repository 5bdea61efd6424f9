//go:build unix

package wake

import (
	"os/exec"
	"syscall"
)

// terminate asks the process, and whatever it started, to stop.
func terminate(cmd *exec.Cmd) { signalGroup(cmd, syscall.SIGTERM) }

// endGroup kills the process and whatever it started.
func endGroup(cmd *exec.Cmd) { signalGroup(cmd, syscall.SIGKILL) }

// signalGroup finds nobody when all have ended, which is no failure.
func signalGroup(cmd *exec.Cmd, s syscall.Signal) { _ = syscall.Kill(-cmd.Process.Pid, s) }
