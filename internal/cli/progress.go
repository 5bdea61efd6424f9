package cli

import (
	"fmt"
	"strings"
	"sync"
)

// progressBar shows how far a long work is: redrawn in place for a person, a
// line per tenth otherwise.
type progressBar struct {
	app   *app
	mutex sync.Mutex
	name  string
	shown int
}

func (b *progressBar) tell(name string, share float64) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	step := 10
	if b.app.out.Interactive {
		step = 1
	}
	percent := int(100*share) / step * step
	if name == b.name && percent <= b.shown {
		return
	}
	b.name, b.shown = name, percent
	if !b.app.out.Interactive {
		b.app.notice("%s %d %%", name, percent)
		return
	}
	const width = 40
	done := percent * width / 100
	fmt.Fprintf(b.app.Stderr, "\r%-24s %s%s %3d %%", name, strings.Repeat("#", done), strings.Repeat(".", width-done), percent)
}

func (b *progressBar) end() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.app.out.Interactive && b.name != "" {
		fmt.Fprintln(b.app.Stderr)
	}
}
