package docscheck

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

var linkText = regexp.MustCompile(`!?\[([^\]]*)\]\([^)]*\)`)

// Anchor returns the fragment that GitHub gives a heading: lower case, letters,
// digits, hyphens and underscores kept, a hyphen for each space, all else gone.
func Anchor(heading string) string {
	heading = linkText.ReplaceAllString(heading, "$1")
	var b strings.Builder
	for _, r := range strings.ToLower(heading) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unused numbers an anchor that is taken, as GitHub does.
func unused(taken map[string]bool, anchor string) string {
	name := anchor
	for n := 1; taken[name]; n++ {
		name = anchor + "-" + strconv.Itoa(n)
	}
	return name
}
