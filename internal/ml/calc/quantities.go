package calc

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// formula is what a business word means in terms of others, each given by the
// names it goes by. $1, $2… stand for the values of inputs.
type formula struct {
	asked  *regexp.Regexp
	inputs [][]string
	with   string
}

var (
	earned = []string{"revenue", "revenues", "sales", "income", "turnover"}
	spent  = []string{"costs", "cost", "expenses", "expense", "spending"}
	count  = []string{"units", "quantity", "units sold", "items", "pieces"}
	before = []string{"from"}
	after  = []string{"to"}
)

// formulas are textbook definitions, the more particular first.
var formulas = []formula{
	{regexp.MustCompile(`\bmargin\b`), [][]string{earned, spent}, "100 * ($1 - $2) / $1"},
	{regexp.MustCompile(`\b(?:return on investment|roi)\b`), [][]string{{"gain", "return", "returns", "revenue"}, {"investment", "cost", "costs"}}, "100 * ($1 - $2) / $2"},
	{regexp.MustCompile(`\b(?:profit|profits|earnings)\b`), [][]string{earned, spent}, "$1 - $2"},
	{regexp.MustCompile(`\bloss\b`), [][]string{spent, earned}, "$1 - $2"},
	{regexp.MustCompile(`\bconversion rate\b`), [][]string{{"conversions", "orders", "purchases", "signups"}, {"visitors", "visits", "sessions", "clicks"}}, "100 * $1 / $2"},
	{regexp.MustCompile(`\baverage order value\b`), [][]string{earned, {"orders", "purchases"}}, "$1 / $2"},
	{regexp.MustCompile(`\brevenue per (?:customer|user)\b`), [][]string{earned, {"customers", "users"}}, "$1 / $2"},
	{regexp.MustCompile(`\b(?:revenue|turnover|total (?:price|cost|amount))\b`), [][]string{{"price", "unit price", "price per unit"}, count}, "$1 * $2"},
	{regexp.MustCompile(`\b(?:growth(?: rate)?|(?:percent|percentage) (?:change|increase|decrease|growth)|(?:relative )?change in percent)\b`), [][]string{before, after}, "100 * ($2 - $1) / abs($1)"},
	{regexp.MustCompile(`\b(?:change|increase|decrease|difference)\b`), [][]string{before, after}, "$2 - $1"},
}

var (
	question = regexp.MustCompile(`(?i)\b(?:what(?:'s| is| are| was| were| would be| will be)|calculate|compute|find|determine|work out|how (?:much|high|big|large) (?:is|are|was|were|would))\b`)
	stated   = regexp.MustCompile(`(?i)\b([a-z]+(?: [a-z]+){0,2}?) (?:is|are|was|were|of|equals?|=|amounts? to|totals?) ?[$€£]?` + num + `(%?)`)
	moved    = regexp.MustCompile(`(?i)\b(?:grew|grow|rose|risen|increased?|went(?: up| down)?|gone|fell|fallen|dropped|declined|decreased?|changed|climbed|sank|shrank) from [$€£]?` + num + ` to [$€£]?` + num)
	leading  = regexp.MustCompile(`^(?:if|when|and|the|our|my|their|its|total|monthly|annual|yearly|quarterly|with|given|suppose|assume|say|that) `)
)

// Stated reads the quantities a text gives by name: "revenue is 1,200", "costs
// of $800". A change "from 200 to 250" is kept under "from" and "to". A name
// given twice with different values is left out, being either.
func Stated(text string) map[string]float64 {
	out, twice := map[string]float64{}, map[string]bool{}
	add := func(name, value string) {
		x, err := strconv.ParseFloat(strings.ReplaceAll(value, ",", ""), 64)
		if err != nil || math.IsInf(x, 0) {
			return
		}
		if old, ok := out[name]; ok && old != x {
			twice[name] = true
		}
		out[name] = x
	}
	for _, m := range stated.FindAllStringSubmatch(text, -1) {
		name := strings.ToLower(m[1])
		for leading.MatchString(name) {
			name = leading.ReplaceAllString(name, "")
		}
		if m[3] == "" {
			add(name, m[2])
		}
	}
	for _, m := range moved.FindAllStringSubmatch(text, -1) {
		add("from", m[1])
		add("to", m[2])
	}
	for name := range twice {
		delete(out, name)
	}
	return out
}

// Derive finds the calculation a question such as "what is the profit?" asks
// for, if the quantities it needs are known by name.
func Derive(text string, known map[string]float64) (expression string, ok bool) {
	at := question.FindStringIndex(text)
	if at == nil {
		return "", false
	}
	asked := strings.ToLower(text[at[1]:])
	for _, f := range formulas {
		if !f.asked.MatchString(asked) {
			continue
		}
		if expression, ok = f.fill(known); ok {
			return expression, true
		}
	}
	return "", false
}

// fill puts the known quantities into the formula.
func (f *formula) fill(known map[string]float64) (string, bool) {
	out := f.with
	for i, names := range f.inputs {
		at := -1
		for j, name := range names {
			if _, ok := known[name]; ok {
				at = j
				break
			}
		}
		if at < 0 {
			return "", false
		}
		text := strconv.FormatFloat(known[names[at]], 'f', -1, 64)
		if known[names[at]] < 0 {
			text = "(" + text + ")"
		}
		out = strings.ReplaceAll(out, "$"+strconv.Itoa(i+1), text)
	}
	return out, true
}
