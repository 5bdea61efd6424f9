package terminal_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/omni-run/omni/internal/cli/terminal"
)

func env(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(k string) string { return m[k] }
}

func TestDetect(t *testing.T) {
	t.Parallel()
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, c := range []struct {
		name string
		got  terminal.Terminal
		want terminal.Terminal
	}{
		{"a buffer", terminal.Detect(&bytes.Buffer{}, env()), terminal.Terminal{Width: 80, Unicode: true}},
		{"a file", terminal.Detect(file, env()), terminal.Terminal{Width: 80, Unicode: true}},
		{"told the width", terminal.Detect(file, env("COLUMNS", "100")), terminal.Terminal{Width: 100, Unicode: true}},
		{"told too little", terminal.Detect(file, env("COLUMNS", "3")), terminal.Terminal{Width: 20, Unicode: true}},
		{"told too much", terminal.Detect(file, env("COLUMNS", "99999")), terminal.Terminal{Width: 400, Unicode: true}},
		{"told nonsense", terminal.Detect(file, env("COLUMNS", "wide")), terminal.Terminal{Width: 80, Unicode: true}},
		{"the C locale", terminal.Detect(file, env("LC_ALL", "C", "LANG", "de_DE.UTF-8")), terminal.Terminal{Width: 80}},
	} {
		if c.got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, c.got, c.want)
		}
	}
}

func TestPaint(t *testing.T) {
	t.Parallel()
	if got := (terminal.Terminal{}).Paint(terminal.Red, "x"); got != "x" {
		t.Errorf("%q", got)
	}
	if got := (terminal.Terminal{Colour: true}).Paint(terminal.Red, "x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("%q", got)
	}
}
