package csvdata

import (
	"math"
	"strconv"
	"strings"
	"unicode"
)

// missing are the ways to say that there is no value.
var missing = map[string]bool{
	"": true, "na": true, "n/a": true, "#n/a": true, "nan": true, "null": true, "nil": true, "none": true,
	"-": true, "--": true, "—": true, "–": true, "?": true, ".": true, "missing": true,
}

func isMissing(s string) bool { return missing[strings.ToLower(s)] }

// bare strips what surrounds digits: currency signs and codes, spaces,
// apostrophes between thousands, a percent sign, accounting's parentheses.
// ok is false if something else is there.
func bare(s string) (digits string, ok bool) {
	negative := false
	if inner, found := strings.CutPrefix(s, "("); found {
		if inner, found = strings.CutSuffix(inner, ")"); found {
			s, negative = inner, true
		}
	}
	s = strings.TrimSpace(strings.TrimSuffix(s, "%"))
	s = trimCurrencyCode(s)
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9', r == '.', r == ',', r == '+', r == 'e', r == 'E', r == '-':
			b.WriteRune(r)
		case r == '−': // the typographic minus
			b.WriteByte('-')
		case unicode.Is(unicode.Sc, r), unicode.IsSpace(r), r == '\'', r == '’', r == ' ', r == ' ':
		default:
			return "", false
		}
	}
	digits = b.String()
	if negative {
		digits = "-" + digits
	}
	return digits, digits != "" && strings.ContainsAny(digits, "0123456789")
}

// trimCurrencyCode takes an ISO 4217 code off either end: "EUR 5", "5 CHF".
func trimCurrencyCode(s string) string {
	for _, code := range []string{"USD", "EUR", "GBP", "CHF", "JPY", "CNY", "INR", "AUD", "CAD", "SEK", "NOK", "DKK", "PLN", "CZK", "BRL", "MXN", "ZAR"} {
		if rest, ok := strings.CutPrefix(s, code); ok {
			return strings.TrimSpace(rest)
		}
		if rest, ok := strings.CutSuffix(s, code); ok {
			return strings.TrimSpace(rest)
		}
	}
	return s
}

// commaRole is what a comma means in a column.
type commaRole int

const (
	// commaUnclear: only forms such as 1,234, which may be either.
	commaUnclear commaRole = iota
	commaDecimal
	commaThousands
	commaAbsent
	// commaContradiction: one value says this, another that.
	commaContradiction
)

// judgeCommas looks at every value of a column, for one alone is often
// ambiguous.
func judgeCommas(values []string) commaRole {
	role := commaAbsent
	for _, v := range values {
		digits, ok := bare(v)
		if !ok || isMissing(v) {
			continue
		}
		one := judgeComma(digits)
		switch {
		case one == commaAbsent, one == role:
		case role == commaAbsent, role == commaUnclear:
			role = one
		case one != commaUnclear:
			return commaContradiction
		}
	}
	return role
}

// judgeComma: 1,234.50 and 1,234,567 have commas between thousands, 1.234,50
// and 3,5 a decimal comma, and 1,234 does not say. A point after groups of
// three, 1.234.567, makes points the thousands.
func judgeComma(digits string) commaRole {
	comma, point := strings.LastIndexByte(digits, ','), strings.LastIndexByte(digits, '.')
	commas, points := strings.Count(digits, ","), strings.Count(digits, ".")
	switch {
	case commas == 0 && points > 1:
		return commaDecimal
	case commas == 0 && points == 1 && comma < 0:
		return commaAbsent
	case commas == 0:
		return commaAbsent
	case points > 0 && comma > point:
		return commaDecimal
	case points > 0, commas > 1:
		return commaThousands
	}
	after := digits[comma+1:]
	before := strings.TrimLeft(digits[:comma], "+-")
	if len(after) == 3 && len(before) >= 1 && len(before) <= 3 && before != "0" {
		return commaUnclear
	}
	return commaDecimal
}

// parse reads a value; NaN is a missing one. ok is false for anything that is
// not a finite number.
func parse(s string, role commaRole) (v float64, ok bool) {
	if isMissing(s) {
		return math.NaN(), true
	}
	digits, ok := bare(s)
	if !ok {
		return 0, false
	}
	if role == commaDecimal {
		if strings.Count(digits, ",") > 1 || !grouped(digits, '.', ',') {
			return 0, false
		}
		digits = strings.ReplaceAll(strings.ReplaceAll(digits, ".", ""), ",", ".")
	} else {
		if !grouped(digits, ',', '.') {
			return 0, false
		}
		digits = strings.ReplaceAll(digits, ",", "")
	}
	v, err := strconv.ParseFloat(digits, 64)
	return v, err == nil && !math.IsInf(v, 0) && !math.IsNaN(v)
}

// grouped reports that the thousands sign, if there is any, divides the whole
// part into threes.
func grouped(digits string, thousands, decimal byte) bool {
	whole, _, _ := strings.Cut(digits, string(decimal))
	parts := strings.Split(strings.TrimLeft(whole, "+-"), string(thousands))
	if len(parts) == 1 {
		return strings.IndexByte(digits, thousands) < 0
	}
	for i, p := range parts {
		if i > 0 && len(p) != 3 || i == 0 && (p == "" || len(p) > 3) {
			return false
		}
	}
	return strings.Count(digits, string(thousands)) == len(parts)-1
}

// looksNumeric reports that a cell is a number in some reading.
func looksNumeric(s string) bool {
	if isMissing(s) {
		return false
	}
	_, point := parse(s, commaThousands)
	_, comma := parse(s, commaDecimal)
	return point || comma
}
