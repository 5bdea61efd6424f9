package child

import (
	"errors"
	"os"
)

// kill ends a process at once; one that is gone already is no error.
func kill(pid int) error {
	if pid == 0 {
		return nil
	}
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Kill()
	}
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}
