// Package csvdata reads a series of numbers, with or without dates, out of
// whatever spreadsheets and databases export as CSV: comma, semicolon, tab or
// bar between fields, a header or none, decimal points or commas, currency
// signs, thousands, byte order marks, gaps. What it cannot read for certain it
// refuses, naming the line and what to do.
package csvdata

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits on a file.
const (
	maxBytes   = 64 << 20
	maxColumns = 1000
)

// Decimal signs for Options.Decimal.
const (
	DecimalPoint = "point"
	DecimalComma = "comma"
)

// Orders of day and month for Options.DateOrder.
const (
	DayFirst   = "dmy"
	MonthFirst = "mdy"
)

// Options say what the file does not tell.
type Options struct {
	// Column and DateColumn pick columns by name or number, counted from 1.
	// Empty means: find them.
	Column, DateColumn string
	// Decimal is DecimalPoint, DecimalComma, or empty to find it out.
	Decimal string
	// DateOrder is DayFirst, MonthFirst, or empty to find it out.
	DateOrder string
	// MaxRows bounds the series; default 100,000.
	MaxRows int
}

// Series is what was read.
type Series struct {
	// Name and DateName are the columns' headers; empty without a header.
	Name, DateName string
	// Values in the file's order; NaN where a value is missing.
	Values []float64
	// Dates are strictly increasing, or nil when the file has none.
	Dates []time.Time
	// WholeDays says that no date has a time of day.
	WholeDays bool
	// Lines holds the line in the file of each value.
	Lines []int
	// Missing counts the values that are missing.
	Missing int
	// Notices say what was assumed, for the reader of the result.
	Notices []string
}

// Error says what in the file cannot be used.
type Error struct {
	// Line is counted from 1; 0 when the whole file is meant.
	Line    int
	Problem string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Problem
	}
	return "line " + strconv.Itoa(e.Line) + ": " + e.Problem
}

func wrong(line int, format string, args ...any) error {
	return &Error{Line: line, Problem: fmt.Sprintf(format, args...)}
}

// record is one row with its line number.
type record struct {
	line   int
	fields []string
}

// Read reads a series. Its error is an *Error unless reading itself failed.
func Read(r io.Reader, o Options) (*Series, error) {
	if o.MaxRows == 0 {
		o.MaxRows = 100_000
	}
	raw, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading: %w", err)
	}
	text, err := plainText(raw)
	if err != nil {
		return nil, err
	}
	separator := findSeparator(text, o.Decimal)
	rows, err := split(text, separator, o.MaxRows)
	if err != nil {
		return nil, err
	}
	return interpret(rows, separator, o)
}

// plainText strips a byte order mark and makes every line end a line feed.
func plainText(raw []byte) ([]byte, error) {
	switch {
	case len(raw) > maxBytes:
		return nil, wrong(0, "the file is larger than %d MiB", maxBytes>>20)
	case bytes.HasPrefix(raw, []byte{0xff, 0xfe}), bytes.HasPrefix(raw, []byte{0xfe, 0xff}):
		return nil, wrong(0, "the file is UTF-16; save it as \"CSV UTF-8\"")
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if i := bytes.IndexByte(raw, 0); i >= 0 {
		return nil, wrong(1+bytes.Count(raw[:i], []byte{'\n'}), "a zero byte: this is not a text file")
	}
	if !utf8.Valid(raw) {
		// Latin-1 exports differ in currency signs and names only.
		raw = []byte(strings.ToValidUTF8(string(raw), "?"))
	}
	if bytes.IndexByte(raw, '\n') < 0 {
		raw = bytes.ReplaceAll(raw, []byte{'\r'}, []byte{'\n'})
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, wrong(0, "the file is empty")
	}
	return raw, nil
}

// findSeparator picks what most evenly divides the first lines. 0 means that
// nothing does: there is one column.
func findSeparator(text []byte, decimal string) rune {
	lines := firstLines(text, 50)
	best, bestScore := rune(0), 0
	for _, candidate := range []rune{'\t', ';', '|', ','} {
		if candidate == ',' && decimal == DecimalComma {
			continue
		}
		counts := map[int]int{}
		for _, line := range lines {
			counts[outsideQuotes(line, candidate)]++
		}
		for n, lines := range counts {
			if n > 0 && lines > bestScore {
				best, bestScore = candidate, lines
			}
		}
	}
	// A sign that stands in less than half of the lines is part of the text.
	if bestScore*2 < len(lines) {
		return 0
	}
	return best
}

func firstLines(text []byte, most int) []string {
	var out []string
	for line := range bytes.Lines(text[:min(len(text), 1<<16)]) {
		if line := strings.TrimRight(string(line), "\r\n"); strings.TrimSpace(line) != "" {
			out = append(out, line)
		}
		if len(out) == most {
			break
		}
	}
	return out
}

func outsideQuotes(line string, sign rune) (n int) {
	quoted := false
	for _, r := range line {
		switch r {
		case '"':
			quoted = !quoted
		case sign:
			if !quoted {
				n++
			}
		}
	}
	return n
}

// split cuts the text into rows, leaving out the empty ones.
func split(text []byte, separator rune, maxRows int) ([]record, error) {
	r := csv.NewReader(bytes.NewReader(text))
	// Without a separator a sign that no text holds stands in for one.
	r.Comma = '\x1f'
	if separator != 0 {
		r.Comma = separator
	}
	r.FieldsPerRecord, r.TrimLeadingSpace, r.ReuseRecord = -1, separator != '\t', false
	var rows []record
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if bad := (*csv.ParseError)(nil); errors.As(err, &bad) {
			return nil, wrong(bad.Line, "the quotation marks do not pair: %v", bad.Err)
		} else if err != nil {
			return nil, err
		}
		line, _ := r.FieldPos(0)
		if len(fields) > maxColumns {
			return nil, wrong(line, "more than %d columns", maxColumns)
		}
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		if blank(fields) {
			continue
		}
		if len(rows) > maxRows { // one row may be the header
			return nil, wrong(line, "more than %d rows", maxRows)
		}
		rows = append(rows, record{line, fields})
	}
}

func blank(fields []string) bool {
	for _, f := range fields {
		if f != "" {
			return false
		}
	}
	return true
}
