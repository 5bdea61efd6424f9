package evaluate

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/omni-run/omni/internal/ml/detectscore"
	"github.com/omni-run/omni/internal/ml/nabscore"
)

// Labelled is one series with the windows in which it is unusual.
type Labelled struct {
	nabscore.Series
	// Times never go back; they may repeat, as clocks do when summer ends.
	// Dated says that the file has them: otherwise they count minutes.
	Times []time.Time
	Dated bool
	// Values are NaN where missing.
	Values []float64

	labels []bool
}

// Columns names the columns of a file of labelled series; an empty name takes
// the usual ones.
type Columns struct{ Value, Time, Label, Series string }

// usual names of columns, the first that is there counts.
var usual = Columns{
	Value: "value", Time: "timestamp,time,date,datetime", Label: "label,labels,is_anomaly,anomaly", Series: "file,series,metric",
}

// layouts of times, tried in order. Parsing takes fractions of a second too.
var layouts = []string{time.DateTime, time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly}

// ParseTime reads a time as labelled data write it.
func ParseTime(text string) (time.Time, error) {
	for _, layout := range layouts {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is no time such as 2026-01-31 08:05:00", text)
}

// ReadLabelled reads CSV with a header: a value, and as far as there are such
// columns a time, a label (0 or 1) and the name of the series the row is of.
// Series keep the order in which they appear; name is that of the only one.
func ReadLabelled(r io.Reader, name string, c Columns) ([]*Labelled, error) {
	rows := csv.NewReader(r)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty")
	}
	if err != nil {
		return nil, err
	}
	at, err := c.find(header)
	if err != nil {
		return nil, err
	}
	byName := map[string]*Labelled{}
	var list []*Labelled
	for {
		fields, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		own := name
		if at.series >= 0 {
			own = fields[at.series]
		}
		s := byName[own]
		if s == nil {
			s = &Labelled{Series: nabscore.Series{Name: strings.Clone(own)}, Dated: at.time >= 0}
			byName[s.Name] = s
			list = append(list, s)
		}
		if err := s.add(fields, at); err != nil {
			line, _ := rows.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
	for _, s := range list {
		s.Windows, s.labels = detectscore.Windows(s.labels), nil
	}
	if len(list) == 0 {
		return nil, errors.New("there is a header and no data below it")
	}
	return list, nil
}

// places are the columns' positions, -1 for none.
type places struct{ value, time, label, series int }

func (c Columns) find(header []string) (p places, err error) {
	place := func(asked, usual string) int {
		names := strings.Split(usual, ",")
		if asked != "" {
			names = []string{asked}
		}
		for _, n := range names {
			if i := slices.IndexFunc(header, func(h string) bool { return strings.EqualFold(strings.Trim(h, " \ufeff"), n) }); i >= 0 {
				return i
			}
		}
		if asked != "" && err == nil {
			err = fmt.Errorf("there is no column %q; there are %s", asked, strings.Join(header, ", "))
		}
		return -1
	}
	p = places{place(c.Value, usual.Value), place(c.Time, usual.Time), place(c.Label, usual.Label), place(c.Series, usual.Series)}
	if err == nil && p.value < 0 {
		err = fmt.Errorf("there is no column named value; name it with --column: %s", strings.Join(header, ", "))
	}
	return p, err
}

func (s *Labelled) add(fields []string, at places) error {
	v := math.NaN()
	switch text := strings.TrimSpace(fields[at.value]); strings.ToLower(text) {
	case "", "na", "nan", "null":
	default:
		var err error
		if v, err = strconv.ParseFloat(text, 64); err != nil || math.IsInf(v, 0) {
			return fmt.Errorf("%.40q is not a number", text)
		}
	}
	when := time.Unix(0, 0).UTC().Add(time.Duration(s.Rows) * time.Minute)
	if at.time >= 0 {
		var err error
		if when, err = ParseTime(fields[at.time]); err != nil {
			return err
		}
	}
	on := false
	if at.label >= 0 {
		switch text := strings.TrimSpace(fields[at.label]); strings.ToLower(text) {
		case "1", "1.0", "true":
			on = true
		case "0", "0.0", "false":
		default:
			return fmt.Errorf("the label %.40q is neither 0 nor 1", text)
		}
	}
	s.Rows++
	s.Times, s.Values, s.labels = append(s.Times, when), append(s.Values, v), append(s.labels, on)
	return nil
}

// SetWindows takes the labels from a file such as the Numenta Anomaly
// Benchmark's combined_windows.json: {"name": [["first time", "last time"]]}.
// A series is found under its name, or under the only one that ends with it.
func SetWindows(list []*Labelled, text []byte) error {
	var windows map[string][][2]string
	if err := json.Unmarshal(text, &windows); err != nil {
		return fmt.Errorf("reading the windows: %w", err)
	}
	for _, s := range list {
		own, err := windowsOf(windows, s.Name)
		if err != nil {
			return err
		}
		s.Windows = nil
		for _, w := range own {
			first, last := s.rowAt(w[0]), s.rowAt(w[1])
			if first < 0 || last < 0 {
				return fmt.Errorf("%s has no rows at %v", s.Name, w)
			}
			s.Windows = append(s.Windows, nabscore.Window{First: first, Last: last})
		}
		if err := s.Validate(); err != nil {
			return err
		}
	}
	return nil
}

func windowsOf(windows map[string][][2]string, name string) ([][2]string, error) {
	if own, ok := windows[name]; ok {
		return own, nil
	}
	var found []string
	for key := range windows {
		if strings.HasSuffix(key, "/"+name) {
			found = append(found, key)
		}
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("the windows name no series %q, or several", name)
	}
	return windows[found[0]], nil
}

// rowAt returns the first row at the given time, -1 if none.
func (s *Labelled) rowAt(text string) int {
	at, err := ParseTime(text)
	if err != nil {
		return -1
	}
	return slices.IndexFunc(s.Times, at.Equal)
}
