package wake

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// maxLine bounds how much of a line is kept.
const maxLine = 4 << 10

func (p *Process) output() io.Writer {
	if p.Output != nil {
		return p.Output
	}
	return &lines{log: p.Log, name: p.Name}
}

// lines writes to the log, one entry a line, at the level that a JSON line
// states for itself.
type lines struct {
	log  *slog.Logger
	name string

	mu   sync.Mutex
	part []byte
	over bool // the rest of this line is dropped
}

// Write implements io.Writer.
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(b)
	for len(b) > 0 {
		line, rest, ended := bytes.Cut(b, []byte{'\n'})
		if room := maxLine - len(l.part); len(line) > room {
			line, l.over = line[:room], true
		}
		l.part = append(l.part, line...)
		if ended {
			l.say()
		}
		b = rest
	}
	return n, nil
}

func (l *lines) say() {
	line := strings.TrimSpace(strings.ToValidUTF8(string(l.part), "?"))
	cut := l.over
	l.part, l.over = l.part[:0], false
	if line == "" {
		return
	}
	attrs := []any{"worker", l.name, "line", line}
	if cut {
		attrs = append(attrs, "cut", true)
	}
	var said struct {
		Severity string `json:"severity"`
	}
	level := slog.LevelInfo
	if json.Unmarshal([]byte(line), &said) == nil {
		switch said.Severity {
		case "DEBUG":
			level = slog.LevelDebug
		case "WARNING", "WARN":
			level = slog.LevelWarn
		case "ERROR", "CRITICAL":
			level = slog.LevelError
		}
	}
	l.log.Log(context.Background(), level, "worker output", attrs...) // no call belongs to a line
}
