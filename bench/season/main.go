// Command season measures how often the season of a series is found when
// nobody names it: on public data whose season is known, on such as have none
// (yearly series), and on random series without and with seasons.
//
//	go run ./bench/season -data DIR [-invented-only]
//
// DIR holds files such as m4/m4_weekly.jsonl.gz: one JSON object a line with
// id, period and train (or values). Only training parts are read, and neither
// timestamps nor frequency are passed on. The tables go to standard output as
// Markdown.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/omni-run/omni/internal/ml/season"
	"github.com/omni-run/omni/internal/ml/stl"
)

// longest is the longest season looked for.
const longest = 2016

// finder is a way of finding seasons, strongest first.
type finder struct {
	name string
	find func(y []float64) []int
}

var finders = []finder{
	{"season.Find, which forecasts use", func(y []float64) []int { return season.Find(y, longest) }},
	{"stl.FindPeriod, which anomalies use", func(y []float64) []int { return one(stl.FindPeriod(y)) }},
}

func one(period int) []int {
	if period < 2 {
		return nil
	}
	return []int{period}
}

func main() {
	data := flag.String("data", "", "directory of the data sets (required)")
	invented := flag.Bool("invented-only", false, "leave the data sets out")
	flag.Parse()
	if *data == "" && !*invented {
		flag.Usage()
		os.Exit(2)
	}
	list := inventions()
	if !*invented {
		fromFiles, err := read(*data)
		if err != nil {
			log.Fatal(err)
		}
		list = append(fromFiles, list...)
	}
	for _, f := range finders {
		report(f, list)
	}
}

// collection is series that share what their seasons are.
type collection struct {
	name string
	// seasons are those a finder should name, the main one first; none for
	// series without.
	seasons []int
	series  [][]float64
}

// same says that a season is found: exactly, or to half a per cent where it is
// long.
func same(got, season int) bool { return 200*max(got-season, season-got) <= season }

func report(f finder, list []collection) {
	fmt.Printf("## %s\n\n| series | number | season | found first | found | a part or a multiple first | another first | none | ms a series |\n|---|---|---|---|---|---|---|---|---|\n", f.name)
	for _, c := range list {
		c.report(f)
	}
	fmt.Println()
}

func (c collection) report(f finder) {
	first, related, other, none := 0, 0, 0, 0
	found := make([]int, len(c.seasons))
	start := time.Now()
	for _, y := range c.series {
		got := f.find(y)
		for i, s := range c.seasons {
			if slices.ContainsFunc(got, func(g int) bool { return same(g, s) }) {
				found[i]++
			}
		}
		switch {
		case len(got) == 0:
			none++
		case slices.ContainsFunc(c.seasons, func(s int) bool { return same(got[0], s) }):
			first++
		case slices.ContainsFunc(c.seasons, func(s int) bool { return s%got[0] == 0 || got[0]%s == 0 }):
			related++
		default:
			other++
		}
	}
	n := float64(len(c.series))
	share := func(k int) string { return fmt.Sprintf("%.1f %%", 100*float64(k)/n) }
	each := make([]string, len(found))
	for i, k := range found {
		each[i] = fmt.Sprintf("%d: %s", c.seasons[i], share(k))
	}
	seasons := strings.Trim(strings.ReplaceAll(fmt.Sprint(c.seasons), " ", ", "), "[]")
	spent := time.Since(start).Seconds() * 1000 / n
	fmt.Printf("| %s | %d | %s | %s | %s | %s | %s | %s | %.3f |\n",
		c.name, len(c.series), seasons, share(first), strings.Join(each, ", "), share(related), share(other), share(none), spent)
}
