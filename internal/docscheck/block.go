package docscheck

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Block is a fenced block.
type Block struct {
	// Line is where its fence opens, counted from 1.
	Line     int
	Language string
	Lines    []string
	// Comments are the HTML comments directly above it.
	Comments []string
}

// IsCommand reports whether a reader would type the block into a shell.
func (b Block) IsCommand() bool {
	switch b.Language {
	case "console", "sh", "bash", "shell", "shell-session":
		return true
	case "":
		return len(b.Lines) > 0 && strings.HasPrefix(b.Lines[0], "$ ")
	}
	return false
}

// Plan says what a test does with a block of commands.
type Plan struct {
	// NotRun is why the block is left out; empty if it is run.
	NotRun string
	// Script is what a shell is given.
	Script string
	// Answers are the statuses, other than success, that the block must meet.
	Answers []int
	// Exit is the exit code it must end with.
	Exit int
}

// HowToMark is told to whoever adds a block that cannot be run.
const HowToMark = "mend it, or mark it in the line above with <!-- not run: reason -->; " +
	"<!-- answers: 422 --> above it claims a status other than 2xx, <!-- exit: 1 --> an exit code"

var (
	errNoReason    = errors.New("a block that is not run needs a reason: <!-- not run: reason -->")
	errPlaceholder = errors.New("the block has a place that its reader must fill in (…), so it cannot be run as it stands")
	errReachesOut  = errors.New("the block changes the machine or a cloud, so no test runs it")
	// outward are programs whose work does not stay in a test's folder.
	outward        = regexp.MustCompile(`(^|[\s;|&(])(sudo|gcloud|kubectl|docker|helm|terraform|systemctl|apt-get|apt|brew|ssh|scp)\s`)
	answersPattern = regexp.MustCompile(`^answers:\s*([\d ,]+)$`)
	exitPattern    = regexp.MustCompile(`^exit:\s*(\d+)$`)
)

// Plan reads the marks above the block and takes its commands out.
func (b Block) Plan() (Plan, error) {
	var p Plan
	for _, c := range b.Comments {
		if reason, ok := strings.CutPrefix(c, "not run"); ok {
			reason = strings.TrimSpace(strings.TrimPrefix(reason, ":"))
			if reason == "" {
				return p, errNoReason
			}
			return Plan{NotRun: reason}, nil
		}
		if m := exitPattern.FindStringSubmatch(c); m != nil {
			p.Exit, _ = strconv.Atoi(m[1]) // digits by the pattern
		}
		if m := answersPattern.FindStringSubmatch(c); m != nil {
			for _, s := range strings.FieldsFunc(m[1], func(r rune) bool { return r == ' ' || r == ',' }) {
				status, err := strconv.Atoi(s)
				if err != nil || status < 300 || status > 599 {
					return p, fmt.Errorf("answers: %s is no status that has to be claimed", s)
				}
				p.Answers = append(p.Answers, status)
			}
		}
	}
	commands := b.commands()
	empty := true
	for _, line := range commands {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		empty = false
		if strings.Contains(line, "…") {
			return p, errPlaceholder
		}
		if outward.MatchString(line) {
			return p, errReachesOut
		}
	}
	if empty {
		return p, errors.New("the block holds no command")
	}
	p.Script = strings.Join(commands, "\n") + "\n"
	return p, nil
}

// commands are the lines a reader types: all of a script; of a session with
// prompts the prompted ones, as far as they go on, and nothing of what is
// printed.
func (b Block) commands() []string {
	var prompted []string
	goesOn := false
	for _, line := range b.Lines {
		typed, isPrompt := strings.CutPrefix(line, "$ ")
		if isPrompt || goesOn {
			prompted = append(prompted, typed)
			goesOn = strings.HasSuffix(strings.TrimRight(typed, " "), `\`)
		}
	}
	switch {
	case b.Language == "sh" || b.Language == "bash" || b.Language == "shell" || len(prompted) == 0:
		return b.Lines
	default:
		return prompted
	}
}
