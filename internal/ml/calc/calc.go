// Package calc evaluates expressions exactly as written: arithmetic,
// percentages and the statistics of named series. It is a recursive-descent
// parser with a value of float64 or list; nothing in it can loop or allocate
// beyond the length of its input.
//
//	sum     = product { ("+" | "-") product }
//	product = unary { ("*" | "/" | "mod") unary }
//	unary   = ("+" | "-") unary | power
//	power   = postfix [ "^" unary ]
//	postfix = atom { "%" } [ "of" unary ]
//	atom    = number | name | name "(" args ")" | "(" sum ")" | "[" args "]"
//
// "x%" is x/100 and "x% of y" is (x/100)*y.
package calc

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Limits of one expression.
const (
	MaxLength = 4096
	MaxDepth  = 64
)

// Error says where and why an expression cannot be evaluated.
type Error struct {
	// Offset is the byte at which the problem was noticed.
	Offset  int
	Problem string
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%s (at character %d)", e.Problem, e.Offset+1) }

// Eval evaluates the expression. A name stands for a list in series or, as a
// list of one, a number. The result is finite, or there is an error.
func Eval(expression string, series map[string][]float64) (float64, error) {
	if len(expression) > MaxLength {
		return 0, &Error{Problem: fmt.Sprintf("the expression is longer than %d characters", MaxLength)}
	}
	p := &parser{text: expression, series: series}
	v, err := p.sum()
	if err != nil {
		return 0, err
	}
	p.space()
	if p.at < len(p.text) {
		return 0, p.fail("unexpected %q", p.text[p.at:min(len(p.text), p.at+8)])
	}
	x, err := p.scalar(v)
	if err != nil {
		return 0, err
	}
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, p.fail("the result is not a finite number")
	}
	return x, nil
}

// value is a number, or a list when list is not nil.
type value struct {
	x    float64
	list []float64
}

type parser struct {
	text   string
	at     int
	depth  int
	series map[string][]float64
}

func (p *parser) fail(format string, args ...any) error {
	return &Error{Offset: p.at, Problem: fmt.Sprintf(format, args...)}
}

func (p *parser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\n\r", p.text[p.at]) >= 0 {
		p.at++
	}
}

// take consumes c if it is next.
func (p *parser) take(c byte) bool {
	p.space()
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

// word consumes the given word if it is next.
func (p *parser) word(w string) bool {
	p.space()
	rest := p.text[p.at:]
	if len(rest) < len(w) || !strings.EqualFold(rest[:len(w)], w) {
		return false
	}
	if len(rest) > len(w) && nameByte(rest[len(w)]) {
		return false
	}
	p.at += len(w)
	return true
}

func nameByte(c byte) bool {
	return c == '_' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func (p *parser) scalar(v value) (float64, error) {
	if v.list == nil {
		return v.x, nil
	}
	if len(v.list) == 1 {
		return v.list[0], nil
	}
	return 0, p.fail("a list of %d numbers stands where one number is needed; use sum, mean, max…", len(v.list))
}

// pair evaluates two operands as numbers and combines them.
func (p *parser) pair(left, right value, f func(a, b float64) float64) (value, error) {
	a, err := p.scalar(left)
	if err != nil {
		return value{}, err
	}
	b, err := p.scalar(right)
	if err != nil {
		return value{}, err
	}
	return value{x: f(a, b)}, nil
}

func (p *parser) sum() (value, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > MaxDepth {
		return value{}, p.fail("nested more than %d deep", MaxDepth)
	}
	left, err := p.product()
	for err == nil {
		sign := 0.0
		switch {
		case p.take('+'):
			sign = 1
		case p.take('-'):
			sign = -1
		default:
			return left, nil
		}
		var right value
		if right, err = p.product(); err == nil {
			left, err = p.pair(left, right, func(a, b float64) float64 { return a + sign*b })
		}
	}
	return value{}, err
}

func (p *parser) product() (value, error) {
	left, err := p.unary()
	for err == nil {
		var f func(a, b float64) float64
		divides := false
		switch {
		case p.take('*'):
			f = func(a, b float64) float64 { return a * b }
		case p.take('/'):
			f, divides = func(a, b float64) float64 { return a / b }, true
		case p.word("mod"):
			f, divides = math.Mod, true
		default:
			return left, nil
		}
		var right value
		if right, err = p.unary(); err != nil {
			break
		}
		if b, e := p.scalar(right); e == nil && divides && b == 0 {
			return value{}, p.fail("division by zero")
		}
		left, err = p.pair(left, right, f)
	}
	return value{}, err
}

func (p *parser) unary() (value, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > MaxDepth {
		return value{}, p.fail("nested more than %d deep", MaxDepth)
	}
	if p.take('-') {
		v, err := p.unary()
		if err != nil {
			return v, err
		}
		return p.pair(value{}, v, func(_, b float64) float64 { return -b })
	}
	if p.take('+') {
		return p.unary()
	}
	return p.power()
}

func (p *parser) power() (value, error) {
	base, err := p.postfix()
	if err != nil || !p.take('^') {
		return base, err
	}
	exponent, err := p.unary()
	if err != nil {
		return value{}, err
	}
	return p.pair(base, exponent, math.Pow)
}

func (p *parser) postfix() (value, error) {
	v, err := p.atom()
	percent := false
	for err == nil && p.take('%') {
		percent = true
		v, err = p.pair(v, value{x: 100}, func(a, b float64) float64 { return a / b })
	}
	if err != nil || !percent || !p.word("of") {
		return v, err
	}
	whole, err := p.unary()
	if err != nil {
		return value{}, err
	}
	// Multiplying before dividing keeps 17% of 2340 at 397.8, not 397.80…01.
	return p.pair(v, whole, func(a, b float64) float64 {
		if exact := a * 100; exact*b/100 != 0 && !math.IsInf(exact*b, 0) {
			return math.Round(exact*1e9) / 1e9 * b / 100
		}
		return a * b
	})
}

func (p *parser) atom() (value, error) {
	p.space()
	if p.at >= len(p.text) {
		return value{}, p.fail("the expression ends where a number is needed")
	}
	switch c := p.text[p.at]; {
	case c == '(':
		p.at++
		v, err := p.sum()
		if err == nil && !p.take(')') {
			err = p.fail("a closing parenthesis is missing")
		}
		return v, err
	case c == '[':
		p.at++
		items, err := p.arguments(']')
		if err != nil {
			return value{}, err
		}
		return flatten(items), nil
	case c >= '0' && c <= '9' || c == '.':
		return p.number()
	case nameByte(c):
		return p.name()
	default:
		return value{}, p.fail("unexpected %q", string(c))
	}
}

func (p *parser) number() (value, error) {
	start := p.at
	for p.at < len(p.text) {
		c := p.text[p.at]
		exponent := (c == '+' || c == '-') && p.at > start && (p.text[p.at-1] == 'e' || p.text[p.at-1] == 'E')
		if c != '.' && (c < '0' || c > '9') && c != 'e' && c != 'E' && c != '_' && !exponent {
			break
		}
		p.at++
	}
	x, err := strconv.ParseFloat(strings.ReplaceAll(p.text[start:p.at], "_", ""), 64)
	if err != nil {
		return value{}, &Error{Offset: start, Problem: fmt.Sprintf("%q is not a number", p.text[start:p.at])}
	}
	return value{x: x}, nil
}

func (p *parser) name() (value, error) {
	start := p.at
	for p.at < len(p.text) && nameByte(p.text[p.at]) {
		p.at++
	}
	name := p.text[start:p.at]
	if p.take('(') {
		arguments, err := p.arguments(')')
		if err != nil {
			return value{}, err
		}
		return p.call(strings.ToLower(name), arguments)
	}
	if list, ok := p.series[name]; ok {
		return value{list: append([]float64{}, list...)}, nil
	}
	switch strings.ToLower(name) {
	case "pi":
		return value{x: math.Pi}, nil
	case "e":
		return value{x: math.E}, nil
	}
	return value{}, &Error{Offset: start, Problem: fmt.Sprintf("%q is not known", name)}
}

func (p *parser) arguments(end byte) ([]value, error) {
	var out []value
	if p.take(end) {
		return out, nil
	}
	for {
		v, err := p.sum()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		if p.take(end) {
			return out, nil
		}
		if !p.take(',') {
			return nil, p.fail("a comma or %q is missing", string(end))
		}
	}
}

func flatten(items []value) value {
	out := value{list: []float64{}}
	for _, v := range items {
		if v.list != nil {
			out.list = append(out.list, v.list...)
		} else {
			out.list = append(out.list, v.x)
		}
	}
	return out
}
