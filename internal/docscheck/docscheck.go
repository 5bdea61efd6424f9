// Package docscheck reads the project's Markdown the way its readers do, so
// that tests can see to it that commands run, links lead somewhere, and every
// error code is explained.
package docscheck

import (
	"regexp"
	"strings"
)

// Page is one Markdown file taken apart.
type Page struct {
	Blocks   []Block
	Links    []Link
	Headings []string
	// Anchors are the fragments under which the headings can be linked to.
	Anchors map[string]bool
	// NotRun is why no block of this page is run; empty if they are.
	NotRun string
}

// Link is a reference to another place.
type Link struct {
	Line   int
	Target string
}

var (
	fencePattern   = regexp.MustCompile("^( *)(`{3,}|~{3,})\\s*([^`]*)$")
	commentPattern = regexp.MustCompile(`^\s*<!--\s*(.*?)\s*-->\s*$`)
	headingPattern = regexp.MustCompile(`^#{1,6}\s+(.*?)\s*#*\s*$`)
	codePattern    = regexp.MustCompile("``[^`]+``|`[^`]+`")
	inlinePattern  = regexp.MustCompile(`\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)`)
	namedPattern   = regexp.MustCompile(`^\s{0,3}\[[^\]^]+\]:\s*<?(\S+?)>?\s*$`)
	wholePattern   = regexp.MustCompile(`^blocks in this file are not run:\s*(.*)$`)
)

// Parse takes a page apart. It knows as much of Markdown as this project's
// pages use: fences, headings, links, and comments of one line.
func Parse(text string) Page {
	p := Page{Anchors: map[string]bool{}}
	var open *fence
	var comments []string // those directly above
	for i, line := range strings.Split(text, "\n") {
		number := i + 1
		if open != nil {
			if open.closedBy(line) {
				p.Blocks = append(p.Blocks, open.block)
				open = nil
				continue
			}
			open.block.Lines = append(open.block.Lines, open.outdent(line))
			continue
		}
		if m := commentPattern.FindStringSubmatch(line); m != nil {
			comments = append(comments, m[1])
			if whole := wholePattern.FindStringSubmatch(m[1]); whole != nil {
				p.NotRun = whole[1]
			}
			continue
		}
		if m := fencePattern.FindStringSubmatch(line); m != nil {
			open = &fence{indent: len(m[1]), mark: m[2], block: Block{Line: number, Comments: comments}}
			open.block.Language, _, _ = strings.Cut(strings.TrimSpace(m[3]), " ")
			comments = nil
			continue
		}
		if strings.TrimSpace(line) != "" {
			comments = nil
		}
		p.prose(number, line)
	}
	if open != nil { // as readers' renderers do
		p.Blocks = append(p.Blocks, open.block)
	}
	return p
}

// prose reads a line outside of fences.
func (p *Page) prose(number int, line string) {
	if m := headingPattern.FindStringSubmatch(line); m != nil {
		p.Headings = append(p.Headings, m[1])
		p.Anchors[unused(p.Anchors, Anchor(m[1]))] = true
	}
	line = codePattern.ReplaceAllString(line, "")
	for _, m := range inlinePattern.FindAllStringSubmatch(line, -1) {
		p.Links = append(p.Links, Link{Line: number, Target: m[1]})
	}
	if m := namedPattern.FindStringSubmatch(line); m != nil {
		p.Links = append(p.Links, Link{Line: number, Target: m[1]})
	}
}

// fence is a block that is being read.
type fence struct {
	indent int
	mark   string
	block  Block
}

func (f *fence) closedBy(line string) bool {
	line = strings.TrimSpace(line)
	return len(line) >= len(f.mark) && strings.Trim(line, f.mark[:1]) == ""
}

// outdent takes away the indentation that the fence itself has, in a list for
// example.
func (f *fence) outdent(line string) string {
	for range f.indent {
		line = strings.TrimPrefix(line, " ")
	}
	return line
}
