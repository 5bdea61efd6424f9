package calc

import (
	"regexp"
	"strings"
)

const (
	num   = `(-?\d[\d,]*(?:\.\d+)?)`
	money = `[$€£]?` + num
)

type rule struct {
	pattern *regexp.Regexp
	with    string
}

// rules turn the ways people ask for a calculation into expressions; the first
// that fits a whole phrase wins.
var rules = []rule{
	{regexp.MustCompile(num + ` ?(?:%|percent|per cent) (?:off|discount on) ` + num), "$2 * (1 - $1/100)"},
	{regexp.MustCompile(`(?:costs?|priced at|price (?:is|of)|sells for) ` + money + `[^.?!]{0,40}? ` + num + ` ?(?:%|percent|per cent) (?:off|discount|cheaper|reduction)`), "$1 * (1 - $2/100)"},
	{regexp.MustCompile(money + ` (?:\w+ ){0,3}?(?:at|with) ` + num + ` ?(?:%|percent|per cent)(?: \w+)? compound(?:ed)?(?: \w+)? (?:interest )?(?:for|over|after) ` + num + ` years?`), "$1 * (1 + $2/100)^$3"},
	{regexp.MustCompile(`compound interest (?:of|at) ` + num + ` ?(?:%|percent|per cent) on ` + money + ` (?:for|over|after) ` + num + ` years?`), "$2 * (1 + $1/100)^$3 - $2"},
	{regexp.MustCompile(`simple interest on ` + money + ` at ` + num + ` ?(?:%|percent|per cent)(?: \w+){0,2}? (?:for|over|after) ` + num + ` years?`), "$1 * $2/100 * $3"},
	{regexp.MustCompile(`(?:increase|raise|grow) ` + num + ` by ` + num + ` ?(?:%|percent|per cent)`), "$1 * (1 + $2/100)"},
	{regexp.MustCompile(`(?:decrease|reduce|lower|cut) ` + num + ` by ` + num + ` ?(?:%|percent|per cent)`), "$1 * (1 - $2/100)"},
	{regexp.MustCompile(`add ` + num + ` ?(?:%|percent|per cent) to ` + num), "$2 * (1 + $1/100)"},
	{regexp.MustCompile(num + ` (?:plus|\+) ` + num + ` ?(?:%|percent\b|per cent\b)(?: of)?`), "$1 * (1 + $2/100)"},
	{regexp.MustCompile(num + ` (?:minus|-) ` + num + ` ?(?:%|percent\b|per cent\b)(?: of)?`), "$1 * (1 - $2/100)"},
	{regexp.MustCompile(`(?:percentage|percent|%) (?:change|growth|increase|decrease|difference|rise|drop) (?:from|between) ` + num + ` (?:to|and) ` + num), "100 * ($2 - $1) / abs($1)"},
	{regexp.MustCompile(`(?:change|growth|increase|decrease) (?:in percent |in % )?from ` + num + ` to ` + num), "100 * ($2 - $1) / abs($1)"},
	{regexp.MustCompile(num + ` (?:is|as) (?:what|a) (?:percent|percentage|%) of ` + num), "100 * $1 / $2"},
	{regexp.MustCompile(`what (?:percent|percentage|%) (?:of ` + num + ` is ` + num + `)`), "100 * $2 / $1"},
	{regexp.MustCompile(`(?:add|sum) ` + num + ` (?:and|to) ` + num), "$1 + $2"},
	{regexp.MustCompile(`subtract ` + num + ` from ` + num), "$2 - $1"},
	{regexp.MustCompile(`multiply ` + num + ` (?:by|and|with) ` + num), "$1 * $2"},
	{regexp.MustCompile(`divide ` + num + ` by ` + num), "$1 / $2"},
	{regexp.MustCompile(`(?:square root|sqrt) of ` + num), "sqrt($1)"},
	{regexp.MustCompile(`cube root of ` + num), "cbrt($1)"},
	{regexp.MustCompile(`half of ` + num), "$1 / 2"},
	{regexp.MustCompile(`(?:double|twice) ` + num), "2 * $1"},
}

var words = strings.NewReplacer(
	" divided by ", " / ", " multiplied by ", " * ", " times ", " * ", " plus ", " + ", " minus ", " - ", " over ", " / ",
	" to the power of ", " ^ ", " raised to ", " ^ ", " squared", " ^ 2", " cubed", " ^ 3", " modulo ", " mod ",
	" per cent", "%", " percent", "%", "×", "*", "·", "*", "÷", "/", "−", "-", "–", "-", "**", "^", "?", " ", "=", " ", "$", "", "€", "", "£", "",
)

var (
	thousands = regexp.MustCompile(`(\d),(\d{3})\b`)
	run       = regexp.MustCompile(`[\d(.\-+*/^%),]|\bof\b|\bmod\b|\b(?:sqrt|abs|ln|log|exp|round|mean|median|min|max|sum|pi)\b|\s`)
	operation = regexp.MustCompile(`\d\s*\)?\s*(?:%\s*of\b|[*/^+]|-\s|-\d|\bmod\b|%\s*$|%\s*[*/+\-])|\b(?:sqrt|abs|ln|log|exp|round|mean|median|min|max|sum)\s*\(`)
	dateLike  = regexp.MustCompile(`\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}/\d{1,2}/\d{2,4}\b`)
	// A percentage in a sentence is a figure, not a calculation, unless it is
	// all the sentence asks for.
	bare      = regexp.MustCompile(`^-?[\d.]+\s*%$`)
	alone     = regexp.MustCompile(`^(?:\s|what|is|whats|what's|how|much|calculate|compute|as|a|decimal|fraction|number|[\d.%!,-])*$`)
	spaceRuns = regexp.MustCompile(`\s+`)
)

// Find looks for one calculation in a sentence, such as "what is 17% of
// 2,340?", and returns it as an expression.
func Find(sentence string) (expression string, ok bool) {
	if len(sentence) > MaxLength {
		return "", false
	}
	text := strings.ToLower(spaceRuns.ReplaceAllString(" "+dateLike.ReplaceAllString(sentence, " ")+" ", " "))
	for changed := true; changed; {
		next := thousands.ReplaceAllString(text, "$1$2")
		changed, text = next != text, next
	}
	for _, r := range rules {
		if m := r.pattern.FindStringSubmatchIndex(text); m != nil {
			return string(r.pattern.ExpandString(nil, r.with, text, m)), true
		}
	}
	text = words.Replace(text)
	best := ""
	for _, part := range runs(text) {
		if !operation.MatchString(part) || len(part) <= len(best) || bare.MatchString(part) && !alone.MatchString(text) {
			continue
		}
		if _, err := Eval(part, nil); err == nil || strings.Contains(err.Error(), "division by zero") {
			best = part
		}
	}
	return best, best != ""
}

// runs cuts the text into the stretches made of expression tokens only.
func runs(text string) []string {
	var out []string
	start, end := -1, 0
	flush := func() {
		if start >= 0 {
			if part := strings.Trim(text[start:end], " .,+*/^"); part != "" {
				out = append(out, strings.TrimSuffix(strings.TrimPrefix(part, "of "), " of"))
			}
		}
		start = -1
	}
	for _, m := range run.FindAllStringIndex(text, -1) {
		if start >= 0 && m[0] != end {
			flush()
		}
		if start < 0 {
			start = m[0]
		}
		end = m[1]
	}
	flush()
	return out
}
