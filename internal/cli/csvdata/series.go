package csvdata

import (
	"fmt"
	"math"
	"strings"
	"time"
)

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
