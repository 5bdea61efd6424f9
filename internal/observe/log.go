// Package observe builds what lets people see inside: the logger, the trace
// identity of a request, the metrics registry, the error reporter. Each is
// built once, in cmd, and passed in.
package observe

import (
	"fmt"
	"io"
	"log/slog"
	"time"
)

// LogOptions choose how log lines look.
type LogOptions struct {
	// Level is debug, info (default), warn or error.
	Level string
	// Format is json (default), whose field names Google Cloud Logging reads,
	// or text, for a person at a terminal.
	Format string
	// Var, if set, holds the level from then on, so that it can be changed.
	Var *slog.LevelVar
}

// NewLogger returns a logger that writes one line an entry to w.
func NewLogger(w io.Writer, o LogOptions) (*slog.Logger, error) {
	level := o.Var
	if level == nil {
		level = new(slog.LevelVar)
	}
	if err := SetLevel(level, o.Level); err != nil {
		return nil, err
	}
	switch o.Format {
	case "", "json":
		return slog.New(newLineHandler(w, level)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: shortTime})), nil
	default:
		return nil, fmt.Errorf("log format %q: want json or text", o.Format)
	}
}

// SetLevel gives a logger's level the value of a configuration; "" is info.
func SetLevel(v *slog.LevelVar, name string) error {
	var level slog.Level
	if name != "" {
		if err := level.UnmarshalText([]byte(name)); err != nil {
			return fmt.Errorf("log level %q: want debug, info, warn or error", name)
		}
	}
	v.Set(level)
	return nil
}

// cloudNames gives the standard attributes the names under which Google Cloud
// Logging promotes them to fields of the LogEntry.
func cloudNames(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.TimeKey:
		return slog.String("time", a.Value.Time().UTC().Format(time.RFC3339Nano))
	case slog.MessageKey:
		a.Key = "message"
	case slog.LevelKey:
		a.Key = "severity"
		if level, ok := a.Value.Any().(slog.Level); ok {
			a.Value = slog.StringValue(severity(level))
		}
	}
	return a
}

func severity(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return "DEBUG"
	case l < slog.LevelWarn:
		return "INFO"
	case l < slog.LevelError:
		return "WARNING"
	default:
		return "ERROR"
	}
}

func shortTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.String(slog.TimeKey, a.Value.Time().Format("15:04:05.000"))
	}
	return a
}
