package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// leastDays is on how many days something must have been sold to make a
	// series of it.
	leastDays = 100
	// heldDays of trade and heldWeeks are scored elsewhere.
	heldDays, heldWeeks = 14, 13
)

// sales are revenues by day.
type sales map[time.Time]float64

// retail sums the transactions. Returns, with negative quantities, are left
// out, as the revenue they undo was another day's.
func retail(r io.Reader) ([]line, error) {
	rows := csv.NewReader(r)
	rows.Comma, rows.LazyQuotes, rows.ReuseRecord = '\t', true, true
	if _, err := rows.Read(); err != nil {
		return nil, err
	}
	by, trade := map[string]sales{}, sales{}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		quantity, err := strconv.ParseFloat(row[2], 64)
		if err != nil {
			return nil, fmt.Errorf("quantity %q: %w", row[2], err)
		}
		price, err := strconv.ParseFloat(row[4], 64)
		if err != nil {
			return nil, fmt.Errorf("unit price %q: %w", row[4], err)
		}
		day, err := time.Parse(time.DateOnly, strings.Fields(row[3])[0])
		if err != nil {
			return nil, err
		}
		if quantity <= 0 || price <= 0 {
			continue
		}
		trade[day] += quantity * price
		for _, key := range []string{"article " + row[1], "country " + row[6]} {
			if by[key] == nil {
				by[key] = sales{}
			}
			by[key][day] += quantity * price
		}
	}
	days := slices.SortedFunc(maps.Keys(trade), time.Time.Compare)
	end, last := days[len(days)-heldDays], days[len(days)-1]
	whole := line{ID: "all, by day of trade", Period: "daily", Ahead: heldDays}
	for i, d := range days {
		if i < len(days)-heldDays {
			whole.Train = append(whole.Train, trade[d])
		} else {
			whole.Test = append(whole.Test, trade[d])
		}
	}
	lines := []line{whole}
	for _, key := range slices.Sorted(maps.Keys(by)) {
		if s := by[key]; len(s) >= leastDays {
			lines = append(lines, s.series(key, end, last))
		}
	}
	return lines, nil
}

// series has a value for each day from the first sale on, 0 where nothing was
// sold; end is where the test part begins.
func (s sales) series(id string, end, last time.Time) line {
	out := line{ID: id, Period: "daily"}
	for d := slices.MinFunc(slices.Collect(maps.Keys(s)), time.Time.Compare); !d.After(last); d = d.AddDate(0, 0, 1) {
		if d.Before(end) {
			out.Train = append(out.Train, s[d])
		} else {
			out.Test = append(out.Test, s[d])
		}
	}
	out.Ahead = len(out.Test)
	return out
}

func walmart(r io.Reader) ([]line, error) {
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, err
	}
	var lines []line
	for _, row := range rows[1:] {
		if len(lines) == 0 || lines[len(lines)-1].ID != row[0] {
			lines = append(lines, line{ID: row[0], Period: "weekly", Ahead: heldWeeks})
		}
		v, err := strconv.ParseFloat(row[2], 64)
		if err != nil {
			return nil, fmt.Errorf("sales %q: %w", row[2], err)
		}
		l := &lines[len(lines)-1]
		l.Train = append(l.Train, v)
	}
	for i := range lines {
		l := &lines[i]
		cut := len(l.Train) - heldWeeks
		l.Train, l.Test = l.Train[:cut], l.Train[cut:]
	}
	return lines, nil
}

// nngc1 has no test part here; holes take the value before them.
func nngc1(r io.Reader) ([]line, error) {
	names := map[float64]string{1: "yearly", 4: "quarterly", 12: "monthly", 52: "weekly", 365: "daily", 24: "hourly"}
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 1<<24)
	var lines []line
	for scan.Scan() {
		var in struct {
			ID     string     `json:"id"`
			Span   []float64  `json:"tsp"` // start, end, frequency, as R has them
			Values []*float64 `json:"values"`
		}
		if err := json.Unmarshal(scan.Bytes(), &in); err != nil {
			return nil, err
		}
		if len(in.Span) != 3 || names[in.Span[2]] == "" {
			continue
		}
		out := line{ID: in.ID, Period: names[in.Span[2]]}
		for _, v := range in.Values {
			switch n := len(out.Train); {
			case v != nil:
				out.Train = append(out.Train, *v)
			case n > 0:
				out.Train = append(out.Train, out.Train[n-1])
			}
		}
		lines = append(lines, out)
	}
	return lines, scan.Err()
}
