package anomaly

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/omni-run/omni/api"
)

// table is the request's data as rows of numbers in the order of names.
type table struct {
	names []string
	rows  [][]float64
}

// readTable turns object rows or list rows into a table, or says which cell
// does not fit.
func (s *Service) readTable(data []json.RawMessage, names []string) (table, *api.Error) {
	switch {
	case len(data) == 0:
		return table{}, api.Unprocessable("empty_data", "data is empty; send at least 2 rows").At("data", "is empty")
	case len(data) < 2:
		return table{}, api.Unprocessable("too_few_rows", "data has 1 row; a forest needs at least 2").At("data", "has 1 row")
	case len(data) > s.limits.Rows:
		return table{}, api.Unprocessable("too_many_rows", "data has %d rows; the limit is %d", len(data), s.limits.Rows).At("data", "has %d rows", len(data))
	}
	if err := s.checkNames(names); err != nil {
		return table{}, err
	}
	var t table
	var err *api.Error
	if first := bytes.TrimSpace(data[0]); len(first) > 0 && first[0] == '[' {
		t, err = s.readLists(data, names)
	} else {
		t, err = s.readObjects(data, names)
	}
	if err != nil {
		return table{}, err
	}
	if cells := len(t.rows) * len(t.names); cells > s.limits.Cells {
		return table{}, api.Unprocessable("too_many_cells", "data has %d cells; the limit is %d", cells, s.limits.Cells).At("data", "has %d cells", cells)
	}
	return t, nil
}

func (s *Service) checkNames(names []string) *api.Error {
	if len(names) > s.limits.Features {
		return api.Unprocessable("too_many_features", "feature_names has %d names; the limit is %d", len(names), s.limits.Features).
			At("feature_names", "has %d names", len(names))
	}
	seen := make(map[string]int, len(names))
	for i, name := range names {
		field := fmt.Sprintf("feature_names[%d]", i)
		if name == "" || len(name) > maxName {
			return api.Unprocessable("bad_feature_name", "%s must have 1 to %d bytes", field, maxName).At(field, "has %d bytes", len(name))
		}
		if j, ok := seen[name]; ok {
			return api.Unprocessable("duplicate_feature", "%s repeats feature_names[%d], %q", field, j, name).At(field, "is a duplicate")
		}
		seen[name] = i
	}
	return nil
}

func (s *Service) readLists(data []json.RawMessage, names []string) (table, *api.Error) {
	t := table{names: names, rows: make([][]float64, len(data))}
	for i, raw := range data {
		var row []json.RawMessage
		field := fmt.Sprintf("data[%d]", i)
		if json.Unmarshal(raw, &row) != nil {
			return table{}, api.Unprocessable("mixed_rows", "%s is not a list, but data[0] is; send all rows alike", field).At(field, "is not a list of numbers")
		}
		if t.names == nil {
			if len(row) == 0 || len(row) > s.limits.Features {
				return table{}, api.Unprocessable("bad_row_length", "%s has %d values; it takes 1 to %d", field, len(row), s.limits.Features).At(field, "has %d values", len(row))
			}
			for j := range row {
				t.names = append(t.names, "x"+strconv.Itoa(j))
			}
		}
		if len(row) != len(t.names) {
			return table{}, api.Unprocessable("ragged_rows", "%s has %d values; it needs %d", field, len(row), len(t.names)).At(field, "has %d values", len(row))
		}
		t.rows[i] = make([]float64, len(row))
		for j, cell := range row {
			v, err := readCell(cell, fmt.Sprintf("data[%d][%d]", i, j))
			if err != nil {
				return table{}, err
			}
			t.rows[i][j] = v
		}
	}
	return t, nil
}

func (s *Service) readObjects(data []json.RawMessage, names []string) (table, *api.Error) {
	parsed := make([]map[string]json.RawMessage, len(data))
	union := map[string]bool{}
	for i, raw := range data {
		field := fmt.Sprintf("data[%d]", i)
		if json.Unmarshal(raw, &parsed[i]) != nil || parsed[i] == nil {
			return table{}, api.Unprocessable("bad_row", "%s is not an object of numbers", field).At(field, "is not an object of numbers")
		}
		if names != nil {
			continue
		}
		for name := range parsed[i] {
			union[name] = true
		}
		if len(union) > s.limits.Features {
			return table{}, api.Unprocessable("too_many_features", "the rows up to %s have over %d features between them", field, s.limits.Features).At(field, "too many features")
		}
	}
	if names == nil {
		names = slices.Sorted(maps.Keys(union))
		if err := s.checkNames(names); err != nil {
			return table{}, err
		}
	}
	if len(names) == 0 {
		return table{}, api.Unprocessable("no_features", "the rows of data have no features").At("data[0]", "is empty")
	}
	t := table{names: names, rows: make([][]float64, len(data))}
	for i, row := range parsed {
		t.rows[i] = make([]float64, len(names))
		for j, name := range names {
			field := fmt.Sprintf("data[%d].%s", i, name)
			cell, ok := row[name]
			if !ok {
				return table{}, api.Unprocessable("missing_feature", "data[%d] lacks the feature %q, which other rows or feature_names have", i, name).At(field, "is missing")
			}
			v, err := readCell(cell, field)
			if err != nil {
				return table{}, err
			}
			t.rows[i][j] = v
		}
	}
	return t, nil
}

// readCell reads one finite number.
func readCell(raw json.RawMessage, field string) (float64, *api.Error) {
	if bytes.Equal(bytes.TrimSpace(raw), []byte("null")) {
		return 0, api.Unprocessable("missing_value", "%s is null; an isolation forest needs a number in every cell", field).At(field, "is null")
	}
	var v float64
	if json.Unmarshal(raw, &v) != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0, api.Unprocessable("not_a_number", "%s is not a finite number", field).At(field, "is not a finite number")
	}
	return v, nil
}
