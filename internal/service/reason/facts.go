package reason

import (
	"math"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"github.com/omni-run/omni/internal/ml/calc"
	"github.com/omni-run/omni/internal/ml/route"
	"github.com/omni-run/omni/internal/tool/catalog"
)

// Kinds of objects.
const (
	kindSeries  = "series"
	kindRows    = "rows"
	kindTexts   = "texts"
	kindTasks   = "tasks"
	kindWorkers = "workers"
	kindUser    = "user"
)

// object is a piece of data the request brought.
type object struct {
	name  string // its path in the context, or "numbers in the problem"
	kind  string
	value any
	// column and table are set on a series that is a column of rows.
	table, column string
	literal       bool // from the problem's words rather than the context
}

// facts is everything known before planning.
type facts struct {
	objects []object
	scalars map[string]float64
	strings map[string]string
	// quantities are the numbers given by name, in the context or the words.
	quantities map[string]float64
	horizon    int
	// stated tells how the horizon became known.
	stated string
	limit  int
	quoted []string
}

var (
	horizonKeys = []string{"horizon", "forecast_steps", "forecast_horizon", "forecast_days", "steps", "days", "periods", "n_steps", "steps_ahead", "days_ahead"}
	userKeys    = []string{"user_id", "customer_id", "user", "customer", "client_id", "account_id"}
	quotes      = regexp.MustCompile(`"([^"]{2,1000})"|“([^”]{2,1000})”|(?:^|[\s(:])'([^']{2,1000})'`)
	numberList  = regexp.MustCompile(`-?\d+(?:\.\d+)?(?:(?:\s*[,;]\s*(?:and\s+)?|\s+and\s+)-?\d+(?:\.\d+)?)+`)
	oneNumber   = regexp.MustCompile(`-?\d+(?:\.\d+)?`)
	userInText  = regexp.MustCompile(`(?i)\b(?:user|customer|client|account)(?:[_ ]?id)?[\s:=#]+([A-Za-z0-9][\w.\-@]*\d[\w.\-@]*|"[^"]+"|'[^']+')|\b((?:user|customer|client)[_-][A-Za-z]*\d[\w.\-]*)`)
	aheadCount  = regexp.MustCompile(`(?i)\b(?:next|coming|following|upcoming|another|for|of|ahead)\s+(?:the\s+)?(?:next\s+)?(\d{1,6})\s*(?:-\s*)?(steps?|points?|values?|periods?|observations?|hours?|days?|weeks?|months?|quarters?|years?)?`)
	countAhead  = regexp.MustCompile(`(?i)\b(\d{1,6})[\s-](steps?|points?|values?|periods?|hours?|days?|weeks?|months?|quarters?|years?)(?:[\s-](?:ahead|forecast|outlook|projection|horizon|into|from now))`)
	afterVerb   = regexp.MustCompile(`(?i)\b(?:forecast|predict|project|extrapolate|extend)(?:s|ing)?\s+(?:[a-z]+\s+){0,3}?(?:by\s+)?(\d{1,6})\s+(?:more\s+|further\s+|future\s+)?(steps?|points?|values?|periods?|observations?|hours?|days?|weeks?|months?|quarters?|years?)\b`)
	aheadOne    = regexp.MustCompile(`(?i)\b(?:next|coming|following|this coming)\s+(hour|day|week|month|quarter|year)\b|\b(tomorrow)\b`)
	topCount    = regexp.MustCompile(`(?i)\b(?:top|best|suggest|recommend)\s+(\d{1,3})\b|\b(\d{1,3})\s+(?:products?|items?|recommendations?|results?|matches)\b`)
)

// readFacts collects typed facts from the context and the words.
func readFacts(problem string, context map[string]any) *facts {
	f := &facts{scalars: map[string]float64{}, strings: map[string]string{}}
	f.walk("", context, 0)
	f.columns()
	for _, m := range quotes.FindAllStringSubmatch(problem, -1) {
		f.quoted = append(f.quoted, m[1]+m[2]+m[3])
	}
	f.fromWords(problem)
	f.readHorizon(problem)
	f.quantities = calc.Stated(problem)
	for path, v := range f.scalars {
		f.quantities[strings.ReplaceAll(strings.ToLower(path[strings.LastIndexByte(path, '.')+1:]), "_", " ")] = v
	}
	if m := topCount.FindStringSubmatch(problem); m != nil {
		f.limit, _ = strconv.Atoi(m[1] + m[2])
	}
	for _, key := range []string{"limit", "top_k", "k"} {
		if v, ok := f.scalars[key]; ok && v >= 1 && v <= 100 && v == math.Trunc(v) {
			f.limit = int(v)
		}
	}
	return f
}

func (f *facts) add(o object) {
	if len(f.objects) < maxObjects {
		f.objects = append(f.objects, o)
	}
}

func (f *facts) walk(path string, v any, depth int) {
	key := path[strings.LastIndexByte(path, '.')+1:]
	switch x := v.(type) {
	case map[string]any:
		if depth > 4 {
			return
		}
		names := make([]string, 0, len(x))
		for name := range x {
			if len(name) <= maxContextKey {
				names = append(names, name)
			}
		}
		sort.Strings(names)
		for _, name := range names {
			full := name
			if path != "" {
				full = path + "." + name
			}
			f.walk(full, x[name], depth+1)
		}
	case float64:
		f.scalars[path] = x
		switch {
		case key == "workers" || key == "n_workers" || key == "num_workers":
			f.add(object{name: path, kind: kindWorkers, value: x})
		case isOneOf(key, userKeys):
			f.add(object{name: path, kind: kindUser, value: strconv.FormatFloat(x, 'f', -1, 64)})
		}
	case string:
		f.strings[path] = x
		switch {
		case isOneOf(key, userKeys):
			f.add(object{name: path, kind: kindUser, value: x})
		case isOneOf(key, []string{"text", "review", "comment", "message", "feedback", "body", "content"}) && x != "":
			f.add(object{name: path, kind: kindTexts, value: []any{x}})
		}
	case []any:
		f.list(path, key, x)
	}
}

func isOneOf(s string, list []string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// list recognises a list by what it holds.
func (f *facts) list(path, key string, list []any) {
	if len(list) == 0 {
		return
	}
	if x, err := catalog.Floats(list); err == nil {
		if len(catalog.Known(x)) > 0 {
			f.add(object{name: path, kind: kindSeries, value: x})
		}
		return
	}
	if texts, err := catalog.Strings(list); err == nil {
		if key == "workers" {
			workers := make([]any, len(texts))
			for i, id := range texts {
				workers[i] = map[string]any{"id": id}
			}
			f.add(object{name: path, kind: kindWorkers, value: workers, literal: true})
			return
		}
		f.add(object{name: path, kind: kindTexts, value: list})
		return
	}
	rows := catalog.Objects(list)
	if len(rows) != len(list) {
		return
	}
	_, hasID := rows[0]["id"]
	_, hasDuration := rows[0]["duration"]
	_, hasText := rows[0]["text"].(string)
	switch {
	case key == "workers" || key == "agents" && hasID:
		f.add(object{name: path, kind: kindWorkers, value: list})
	case key == "tasks" || key == "jobs" || hasID && hasDuration:
		f.add(object{name: path, kind: kindTasks, value: list})
	case hasText:
		texts := make([]any, 0, len(rows))
		for _, row := range rows {
			t, _ := row["text"].(string)
			texts = append(texts, t)
		}
		f.add(object{name: path, kind: kindTexts, value: texts, literal: true})
	default:
		f.add(object{name: path, kind: kindRows, value: list})
	}
}

// dateKeys name a row's time.
var dateKeys = []string{"date", "day", "timestamp", "time", "ds", "month", "week", "datetime"}

// columns adds each numeric column of rows as a series; dated rows first.
func (f *facts) columns() {
	for _, o := range f.objects {
		if o.kind != kindRows {
			continue
		}
		rows := catalog.Objects(o.value)
		counts := map[string]int{}
		for _, row := range rows {
			for name, v := range row {
				if _, ok := v.(float64); ok {
					counts[name]++
				}
			}
		}
		names := []string{}
		for name, n := range counts {
			if n == len(rows) && name != "id" && !isOneOf(name, dateKeys) {
				names = append(names, name)
			}
		}
		sort.Strings(names)
		for _, name := range names {
			x := make([]float64, len(rows))
			for i, row := range rows {
				x[i] = row[name].(float64)
			}
			f.add(object{name: o.name + "." + name, kind: kindSeries, value: x, table: o.name, column: name})
		}
	}
}

// fromWords finds data inside the problem itself.
func (f *facts) fromWords(problem string) {
	plain := quotes.ReplaceAllString(problem, " ")
	if found := numberList.FindString(plain); found != "" {
		var x []float64
		for _, s := range oneNumber.FindAllString(found, -1) {
			if v, err := strconv.ParseFloat(s, 64); err == nil && !math.IsInf(v, 0) {
				x = append(x, v)
			}
		}
		if len(x) >= 2 {
			f.add(object{name: "numbers in the problem", kind: kindSeries, value: x, literal: true})
		}
	}
	if !f.has(kindUser) {
		if m := userInText.FindStringSubmatch(problem); m != nil {
			f.add(object{name: "user in the problem", kind: kindUser, value: strings.Trim(m[1]+m[2], `"'.`), literal: true})
		}
	}
	if !f.has(kindTexts) && len(f.quoted) > 0 {
		texts := make([]any, len(f.quoted))
		for i, q := range f.quoted {
			texts[i] = q
		}
		f.add(object{name: "texts quoted in the problem", kind: kindTexts, value: texts, literal: true})
	}
}

func (f *facts) readHorizon(problem string) {
	for _, key := range horizonKeys {
		if v, ok := f.scalars[key]; ok {
			f.horizon, f.stated = clampHorizon(v), "context."+key
			return
		}
	}
	unit := f.unit(problem)
	for _, pattern := range []*regexp.Regexp{aheadCount, countAhead, afterVerb} {
		for _, m := range pattern.FindAllStringSubmatch(problem, -1) {
			if m[2] == "" && !strings.Contains(strings.ToLower(m[0]), "next") {
				continue // "for 3" alone says nothing about a horizon
			}
			n, _ := strconv.Atoi(m[1])
			f.horizon, f.stated = clampHorizon(float64(n)*steps(m[2], unit)), "the words "+strconv.Quote(strings.TrimSpace(m[0]))
			return
		}
	}
	if m := aheadOne.FindStringSubmatch(problem); m != nil {
		word := m[1]
		if m[2] != "" {
			word = "day"
		}
		f.horizon, f.stated = clampHorizon(steps(word, unit)), "the words "+strconv.Quote(strings.TrimSpace(m[0]))
	}
}

func clampHorizon(v float64) int {
	if math.IsNaN(v) || v > 1e6 {
		return 1e6
	}
	if v < -1 {
		return -1
	}
	return int(math.Ceil(v))
}

var days = map[string]float64{"hour": 1.0 / 24, "day": 1, "week": 7, "month": 30, "quarter": 90, "year": 365}

// unit is the length in days of one step of the series, if the request says
// so: freq in the context, or weekly, monthly… in the words; else a day.
func (f *facts) unit(problem string) float64 {
	text := strings.ToLower(problem)
	for _, k := range []string{"freq", "frequency"} {
		if s := f.strings[k]; s != "" {
			for word := range days {
				if strings.EqualFold(s[:1], word[:1]) {
					return days[word]
				}
			}
		}
	}
	for _, u := range []struct {
		word string
		size float64
	}{{"hourly", days["hour"]}, {"weekly", 7}, {"monthly", 30}, {"quarterly", 90}, {"yearly", 365}, {"annual", 365}} {
		if strings.Contains(text, u.word) {
			return u.size
		}
	}
	return 1
}

func steps(word string, unit float64) float64 {
	size, ok := days[strings.TrimSuffix(strings.ToLower(word), "s")]
	if !ok {
		return 1
	}
	if unit > size {
		return 1
	}
	return math.Round(size / unit)
}

func (f *facts) has(kind string) bool { return len(f.of(kind)) > 0 }

func (f *facts) of(kind string) []object {
	var out []object
	for _, o := range f.objects {
		if o.kind == kind {
			out = append(out, o)
		}
	}
	return out
}

func (f *facts) get(name string) *object {
	for i := range f.objects {
		if f.objects[i].name == name {
			return &f.objects[i]
		}
	}
	return nil
}

// pick chooses the objects of a kind a clause speaks of: those it names, all of
// them for "each", "all" or "both", else the most telling one.
func (f *facts) pick(kind, clause string) []object {
	all := f.of(kind)
	if len(all) < 2 {
		return all
	}
	words := map[string]bool{}
	for _, w := range route.Split(clause) {
		words[route.Stem(w)] = true
	}
	var named []object
	for _, o := range all {
		for _, part := range route.Words(o.name[strings.LastIndexByte(o.name, '.')+1:]) {
			if words[part] && part != route.Stem("series") && part != "data" {
				named = append(named, o)
				break
			}
		}
	}
	if len(named) > 0 {
		return named
	}
	if words["each"] || words["all"] || words["both"] || words["every"] {
		return all[:min(len(all), 5)]
	}
	for _, o := range all {
		if o.literal && kind == kindSeries && strings.Contains(clause, firstNumber(o)) {
			return []object{o}
		}
	}
	for _, preferred := range []string{"series", "time_series", "revenue", "sales", "values", "value", "data", "history", "numbers"} {
		for _, o := range all {
			if o.name == preferred || strings.HasSuffix(o.name, "."+preferred) {
				return []object{o}
			}
		}
	}
	return all[:1]
}

func firstNumber(o object) string {
	return strconv.FormatFloat(o.value.([]float64)[0], 'f', -1, 64)
}
