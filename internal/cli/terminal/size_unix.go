//go:build unix

package terminal

import (
	"os"

	"golang.org/x/sys/unix"
)

// size returns the width of the terminal f is, if it is one.
func size(f *os.File) (width int, isTerminal bool) {
	ws, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, false
	}
	return int(ws.Col), true
}
