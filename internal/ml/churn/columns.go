package churn

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// maxCategories bounds the indicators of one feature; rarer texts are "other".
const maxCategories = 30

// Columns works out how to read the features of rows. A feature is a number
// when every known value is one or reads as one, else a category. Dropped are
// features with one value only, and texts that nearly never repeat, such as
// names and ids: dropped says why. When indicators would take more than budget
// cells over all rows, categories keep fewer texts.
func Columns(rows []Row, budget int) (columns []Column, dropped map[string]string) {
	for most := maxCategories; ; most /= 2 {
		columns, dropped = columnsOf(rows, most)
		width := 0
		for _, c := range columns {
			width += c.width()
		}
		if most <= 2 || width*len(rows) <= budget {
			return columns, dropped
		}
	}
}

func columnsOf(rows []Row, most int) (columns []Column, dropped map[string]string) {
	type tally struct {
		known, numbers int
		texts          map[string]int
	}
	byName := map[string]*tally{}
	for _, r := range rows {
		for name, v := range r {
			text, ok := asText(v)
			if !ok {
				continue
			}
			t := byName[name]
			if t == nil {
				t = &tally{texts: map[string]int{}}
				byName[name] = t
			}
			t.known++
			if !math.IsNaN(asNumber(v)) {
				t.numbers++
			}
			t.texts[text]++
		}
	}
	dropped = map[string]string{}
	for name, t := range byName {
		switch {
		case len(t.texts) == 1 && t.known == len(rows):
			dropped[name] = "it has the same value in every row"
		case t.numbers == t.known:
			columns = append(columns, Column{Name: name})
		case len(t.texts) > maxCategories && len(t.texts) > t.known/2:
			dropped[name] = "its texts hardly ever repeat"
		default:
			columns = append(columns, Column{Name: name, Categories: common(t.texts, most)})
		}
	}
	slices.SortFunc(columns, func(a, b Column) int { return strings.Compare(a.Name, b.Name) })
	return columns, dropped
}

// common returns the most frequent texts that occur at least twice (or any, if
// none does), in order.
func common(texts map[string]int, most int) []string {
	out := make([]string, 0, len(texts))
	for text, n := range texts {
		if n > 1 || len(texts) <= 2 {
			out = append(out, text)
		}
	}
	if len(out) == 0 {
		for text := range texts {
			out = append(out, text)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		return cmp.Or(cmp.Compare(texts[b], texts[a]), strings.Compare(a, b))
	})
	out = out[:min(len(out), most)]
	slices.Sort(out)
	return out
}

// asNumber reads a value as a number, NaN if it is none.
func asNumber(v Value) float64 {
	switch v.Kind {
	case Number:
		return v.Number
	case Text:
		if n, err := strconv.ParseFloat(strings.TrimSpace(v.Text), 64); err == nil && !math.IsInf(n, 0) {
			return n
		}
	}
	return math.NaN()
}

// asText reads a value as a category; it reports false for a missing one, which
// an empty text is too.
func asText(v Value) (string, bool) {
	switch v.Kind {
	case Number:
		return strconv.FormatFloat(v.Number, 'g', -1, 64), !math.IsNaN(v.Number)
	case Text:
		text := strings.TrimSpace(v.Text)
		return text, text != ""
	}
	return "", false
}
