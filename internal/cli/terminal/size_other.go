//go:build !unix

package terminal

import "os"

// size knows terminals by their being devices; their width is in COLUMNS.
func size(f *os.File) (width int, isTerminal bool) {
	info, err := f.Stat()
	return 0, err == nil && info.Mode()&os.ModeCharDevice != 0
}
