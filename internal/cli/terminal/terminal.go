// Package terminal knows where output goes: how wide it is, whether a person
// reads it, whether colour is welcome.
package terminal

import (
	"io"
	"os"
	"strconv"
)

// DefaultWidth is used where nothing tells the width.
const DefaultWidth = 80

// Terminal describes one output.
type Terminal struct {
	// Width in characters, 20 to 400.
	Width int
	// Colour is welcome: it is a terminal, and NO_COLOR is not set.
	Colour bool
	// Interactive says that a person reads this.
	Interactive bool
	// Unicode can be shown.
	Unicode bool
}

// Detect describes w. The variables NO_COLOR (no-color.org), TERM, COLUMNS and
// the locale are respected.
func Detect(w io.Writer, getenv func(string) string) Terminal {
	t := Terminal{Width: DefaultWidth, Unicode: unicodeLocale(getenv)}
	if f, ok := w.(*os.File); ok {
		if width, isTerminal := size(f); isTerminal {
			t.Interactive = true
			t.Colour = getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
			if width > 0 {
				t.Width = width
			}
		}
	}
	if n, err := strconv.Atoi(getenv("COLUMNS")); err == nil && n > 0 {
		t.Width = n
	}
	t.Width = min(max(t.Width, 20), 400)
	return t
}

// unicodeLocale: an unset locale is taken for a modern one, "C" and "POSIX"
// for what they say.
func unicodeLocale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := getenv(name); v != "" {
			return v != "C" && v != "POSIX"
		}
	}
	return true
}

// Styles of text.
const (
	Bold   = "1"
	Dim    = "2"
	Red    = "31"
	Green  = "32"
	Yellow = "33"
	Cyan   = "36"
)

// Paint wraps text in a style if colour is welcome.
func (t Terminal) Paint(style, text string) string {
	if !t.Colour || text == "" {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}
