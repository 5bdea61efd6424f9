package csvdata

import (
	"slices"
	"strconv"
	"strings"
)

// sheet is the rows below the header.
type sheet struct {
	header    []string // nil without one
	rows      []record
	width     int
	separator rune
}

func interpret(rows []record, separator rune, o Options) (*Series, error) {
	s := sheet{rows: rows, separator: separator}
	if len(rows) == 0 {
		return nil, wrong(0, "the file holds no values")
	}
	for _, r := range rows {
		s.width = max(s.width, len(r.fields))
	}
	s.takeHeader()
	if len(s.rows) == 0 {
		return nil, wrong(0, "there is a header and no data below it")
	}
	for _, r := range s.rows {
		// Spreadsheets leave trailing separators; missing cells are an error,
		// because they often mean a stray separator inside a number.
		if len(r.fields) < s.width && len(r.fields) < s.commonWidth() {
			return nil, wrong(r.line, "%d columns where other lines have %d", len(r.fields), s.width)
		}
	}
	dateColumn, err := s.findDates(o.DateColumn)
	if err != nil {
		return nil, err
	}
	column, err := s.findValues(o.Column, dateColumn)
	if err != nil {
		return nil, err
	}
	return s.read(column, dateColumn, o)
}

// takeHeader splits the first row off if none of its cells is a number or a
// date.
func (s *sheet) takeHeader() {
	for _, cell := range s.rows[0].fields {
		if looksNumeric(cell) || looksLikeDate(cell) {
			return
		}
	}
	if slices.ContainsFunc(s.rows[0].fields, func(c string) bool { return !isMissing(c) }) {
		s.header, s.rows = s.rows[0].fields, s.rows[1:]
	}
}

// commonWidth is the width of most of the first rows.
func (s *sheet) commonWidth() int {
	counts := map[int]int{}
	for _, r := range s.rows[:min(len(s.rows), 20)] {
		counts[len(r.fields)]++
	}
	best := 0
	for w, n := range counts {
		if n > counts[best] || n == counts[best] && w > best {
			best = w
		}
	}
	return best
}

func (s *sheet) cell(row, column int) string {
	if f := s.rows[row].fields; column < len(f) {
		return f[column]
	}
	return ""
}

func (s *sheet) name(column int) string {
	if column >= 0 && column < len(s.header) {
		return s.header[column]
	}
	return ""
}

// label names a column for a person.
func (s *sheet) label(column int) string {
	if n := s.name(column); n != "" {
		return strconv.Quote(clip(n))
	}
	return strconv.Itoa(column + 1)
}

func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// pick finds a column by name or number.
func (s *sheet) pick(flag, wanted string) (int, error) {
	for i, h := range s.header {
		if strings.EqualFold(h, wanted) {
			return i, nil
		}
	}
	if n, err := strconv.Atoi(wanted); err == nil && n >= 1 && n <= s.width {
		return n - 1, nil
	}
	return 0, wrong(0, "%s %q is not a column; there are %s", flag, clip(wanted), s.labels(func(int) bool { return true }))
}

func (s *sheet) labels(keep func(int) bool) string {
	var out []string
	for i := range s.width {
		if keep(i) {
			out = append(out, s.label(i))
		}
		if len(out) == 20 {
			out = append(out, "…")
			break
		}
	}
	return strings.Join(out, ", ")
}

// share of the first cells that are something, according to is.
func (s *sheet) share(column int, is func(string) bool) float64 {
	hits, seen := 0, 0
	for row := range min(len(s.rows), 50) {
		c := s.cell(row, column)
		if isMissing(c) {
			continue
		}
		seen++
		if is(c) {
			hits++
		}
	}
	if seen == 0 {
		return 0
	}
	return float64(hits) / float64(seen)
}

// findDates returns the date column, or -1.
func (s *sheet) findDates(wanted string) (int, error) {
	if wanted != "" {
		return s.pick("--date-column", wanted)
	}
	for i := range s.width {
		if s.share(i, looksLikeDate) > 0.5 {
			return i, nil
		}
	}
	// Bare numbers are dates only where the name or the place says so.
	for i := range s.width {
		switch strings.ToLower(s.name(i)) {
		case "date", "day", "month", "year", "time", "timestamp", "ts", "ds", "datetime", "period":
			if s.share(i, func(c string) bool { _, y := parseYear(c); _, u := parseUnix(c); return y || u }) == 1 {
				return i, nil
			}
		}
	}
	if s.width > 1 && len(s.rows) > 2 && s.yearsIn(0) {
		return 0, nil
	}
	return -1, nil
}

// yearsIn reports a column of consecutive years.
func (s *sheet) yearsIn(column int) bool {
	for row := range s.rows {
		t, ok := parseYear(s.cell(row, column))
		if !ok {
			return false
		}
		if row > 0 {
			before, _ := parseYear(s.cell(row-1, column))
			if t.Year() != before.Year()+1 {
				return false
			}
		}
	}
	return true
}

// findValues returns the column of the values.
func (s *sheet) findValues(wanted string, dates int) (int, error) {
	if wanted != "" {
		i, err := s.pick("--column", wanted)
		if err == nil && i == dates {
			return 0, wrong(0, "--column and the date column are the same, %s", s.label(i))
		}
		return i, err
	}
	numeric := func(i int) bool {
		return i != dates && s.share(i, looksNumeric) >= 0.5 && !(dates < 0 && s.width == 2 && i == 0 && s.counts(0))
	}
	var found []int
	for i := range s.width {
		if numeric(i) {
			found = append(found, i)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		for i := range s.width {
			if i != dates {
				return 0, wrong(s.rows[0].line, "%.40q is not a number, and no column holds numbers", s.cell(0, i))
			}
		}
		return 0, wrong(s.rows[0].line, "there is a column of dates and none of numbers")
	}
	if dates < 0 && s.width == 2 && s.separator == ',' && s.header == nil {
		return 0, wrong(0, "two columns of numbers and no dates: say which one with --column 1 or 2, or --decimal comma if the commas are decimal commas")
	}
	return 0, wrong(0, "several columns hold numbers; choose one with --column: %s", s.labels(numeric))
}

// counts reports a column 0, 1, 2, … or 1, 2, 3, …: a row number.
func (s *sheet) counts(column int) bool {
	first, err := strconv.Atoi(s.cell(0, column))
	if err != nil || first < 0 || first > 1 || len(s.rows) < 3 {
		return false
	}
	for row := range s.rows {
		if n, err := strconv.Atoi(s.cell(row, column)); err != nil || n != first+row {
			return false
		}
	}
	return true
}
