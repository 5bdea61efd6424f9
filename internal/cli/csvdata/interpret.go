package csvdata

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
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

func (s *sheet) read(column, dateColumn int, o Options) (*Series, error) {
	out := &Series{Name: s.name(column), DateName: s.name(dateColumn)}
	cells := make([]string, len(s.rows))
	for i, r := range s.rows {
		cells[i] = s.cell(i, column)
		out.Lines = append(out.Lines, r.line)
	}
	role, err := s.decimal(cells, o.Decimal)
	if err != nil {
		return nil, err
	}
	for i, c := range cells {
		v, ok := parse(c, role)
		if !ok {
			return nil, wrong(out.Lines[i], "%.40q in column %s is not a number", c, s.label(column))
		}
		if math.IsNaN(v) {
			out.Missing++
		}
		out.Values = append(out.Values, v)
	}
	if out.Missing == len(out.Values) {
		return nil, wrong(0, "every value in column %s is missing", s.label(column))
	}
	if role == commaDecimal {
		out.Notices = append(out.Notices, "the comma was read as the decimal sign")
	}
	if dateColumn < 0 {
		return out, nil
	}
	return out, s.readDates(out, dateColumn, o.DateOrder)
}

func (s *sheet) decimal(cells []string, wanted string) (commaRole, error) {
	switch wanted {
	case DecimalPoint:
		return commaThousands, nil
	case DecimalComma:
		return commaDecimal, nil
	case "":
	default:
		return 0, wrong(0, "--decimal %q: want point or comma", clip(wanted))
	}
	switch role := judgeCommas(cells); role {
	case commaContradiction:
		return 0, wrong(0, "some commas stand between thousands and others before decimals; say which with --decimal point or comma")
	case commaUnclear:
		if s.separator == ',' {
			// Where commas divide fields, a quoted one divides thousands.
			return commaThousands, nil
		}
		return 0, wrong(0, "values like %q may have a decimal comma or a thousands comma; say which with --decimal comma or point", firstWith(cells, ","))
	default:
		return role, nil
	}
}

func firstWith(cells []string, part string) string {
	for _, c := range cells {
		if strings.Contains(c, part) {
			return clip(c)
		}
	}
	return ""
}

func (s *sheet) readDates(out *Series, column int, order string) error {
	if order != "" && order != DayFirst && order != MonthFirst {
		return wrong(0, "--date-order %q: want dmy or mdy", clip(order))
	}
	cells := make([]string, len(s.rows))
	for i := range s.rows {
		cells[i] = s.cell(i, column)
		if isMissing(cells[i]) {
			return wrong(out.Lines[i], "the date is missing")
		}
	}
	dates, err := readDates(cells, out.Lines, order)
	if err != nil {
		return err
	}
	out.WholeDays = true
	for i, d := range dates {
		dates[i] = d.UTC()
		if i == 0 {
			continue
		}
		switch {
		case dates[i].Equal(dates[i-1]):
			return wrong(out.Lines[i], "the date %s stands twice, here and in line %d; add the values up, or keep one", cells[i], out.Lines[i-1])
		case dates[i].Before(dates[i-1]):
			return wrong(out.Lines[i], "the date %s comes after %s: sort the file by date, oldest first", cells[i], cells[i-1])
		}
	}
	for _, d := range dates {
		if !d.Equal(d.Truncate(24 * time.Hour)) {
			out.WholeDays = false
		}
	}
	out.Dates = dates
	return nil
}

// DateText writes the i-th date as briefly as the series allows.
func (s *Series) DateText(t time.Time) string {
	if s.WholeDays {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02 15:04")
}

// Timestamps writes all dates as the API reads them; nil without dates.
func (s *Series) Timestamps() []string {
	if s.Dates == nil {
		return nil
	}
	out := make([]string, len(s.Dates))
	for i, d := range s.Dates {
		out[i] = d.Format(time.RFC3339)
		if s.WholeDays {
			out[i] = d.Format(time.DateOnly)
		}
	}
	return out
}

// String describes the series in a few words.
func (s *Series) String() string {
	name := s.Name
	if name == "" {
		name = "value"
	}
	text := fmt.Sprintf("%s: %d values", clip(name), len(s.Values))
	if len(s.Dates) > 0 {
		text += fmt.Sprintf(", %s to %s", s.DateText(s.Dates[0]), s.DateText(s.Dates[len(s.Dates)-1]))
	}
	return text
}
