//go:build !unix

package wake

import "os/exec"

// terminate does nothing here: the end of its standard input tells the process
// to stop.
func terminate(*exec.Cmd) {}

// endGroup kills the process; one that has ended is no failure.
func endGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func tie(*exec.Cmd) {}
