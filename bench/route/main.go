// Command route measures tool routing on the question files of the Berkeley
// Function-Calling Leaderboard: the right tool of those offered, of all tools
// of the set as one pool, and how well a fitting tool is told from none.
//
//	route -data DIR
//
// DIR holds multiple.json.gz, simple_python.json.gz, irrelevance.json.gz and
// possible_answer/.
package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"github.com/omni-run/omni/internal/ml/route"
	"github.com/omni-run/omni/models/embed"
)

type schema struct {
	Description string             `json:"description"`
	Properties  map[string]*schema `json:"properties"`
}

type function struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Parameters  schema `json:"parameters"`
}

type question struct {
	ID       string                                  `json:"id"`
	Question [][]struct{ Role, Content string }      `json:"question"`
	Function []function                              `json:"function"`
	Truth    []map[string]map[string]json.RawMessage `json:"ground_truth"`
}

func main() {
	data := flag.String("data", "", "folder with the question files")
	flag.Parse()
	if err := run(*data); err != nil {
		log.Fatal(err)
	}
}

func run(dir string) error {
	embedder, err := embed.Default()
	if err != nil {
		return err
	}
	for _, variant := range []struct {
		name    string
		options route.Options
	}{{"words", route.Options{}}, {"words + embedding", route.Options{Embedder: embedder}}} {
		fmt.Printf("## %s\n", variant.name)
		for _, set := range []string{"multiple", "simple_python"} {
			if err := measure(dir, set, variant.options); err != nil {
				return err
			}
		}
	}
	return nil
}

func measure(dir, set string, options route.Options) error {
	questions, err := load(filepath.Join(dir, set+".json.gz"))
	if err != nil {
		return err
	}
	answers, err := load(filepath.Join(dir, "possible_answer", set+".json.gz"))
	if err != nil {
		return err
	}
	right := map[string]string{}
	for _, a := range answers {
		for name := range a.Truth[0] {
			right[a.ID] = name
		}
	}
	none, err := load(filepath.Join(dir, "irrelevance.json.gz"))
	if err != nil {
		return err
	}
	p := newPool(append(slices.Clone(questions), none...))
	own := newPool(questions)
	index, pool := route.New(p.documents, options), route.New(own.documents, options)
	offered, first, five := 0, 0, 0
	var fits, misfits []float64
	for _, q := range questions {
		ranked := index.Rank(q.text(), p.of(q))
		if p.documents[ranked[0].Index].Name == right[q.ID] {
			offered++
		}
		fits = append(fits, ranked[0].Fits())
		all := pool.Rank(q.text(), nil)
		for i, m := range all[:5] {
			if own.documents[m.Index].Name == right[q.ID] {
				five++
				if i == 0 {
					first++
				}
				break
			}
		}
	}
	for _, q := range none {
		misfits = append(misfits, index.Rank(q.text(), p.of(q))[0].Fits())
	}
	n := float64(len(questions)) / 100
	fmt.Printf("%s: n=%d, right of offered %.1f%%, pool of %d: top-1 %.1f%%, top-5 %.1f%%, no-tool AUROC %.3f\n",
		set, len(questions), float64(offered)/n, len(own.documents), float64(first)/n, float64(five)/n, auroc(fits, misfits))
	return nil
}

// pool is the distinct tools of some questions.
type pool struct {
	documents []route.Document
	at        map[string]int
}

func newPool(questions []question) *pool {
	p := &pool{at: map[string]int{}}
	for _, q := range questions {
		for _, f := range q.Function {
			key := f.Name + "\x00" + f.Description
			if _, known := p.at[key]; known {
				continue
			}
			p.at[key] = len(p.documents)
			d := route.Document{Name: f.Name, Description: f.Description}
			names := []string{}
			for name := range f.Parameters.Properties {
				names = append(names, name)
			}
			sort.Strings(names)
			for _, name := range names {
				d.Parameters = append(d.Parameters, name+" "+f.Parameters.Properties[name].Description)
			}
			p.documents = append(p.documents, d)
		}
	}
	return p
}

func (p *pool) of(q question) []int {
	var out []int
	for _, f := range q.Function {
		out = append(out, p.at[f.Name+"\x00"+f.Description])
	}
	return out
}

func (q question) text() string {
	turn := q.Question[0]
	return turn[len(turn)-1].Content
}

// auroc is the probability that a positive scores above a negative.
func auroc(positive, negative []float64) float64 {
	wins := 0.0
	for _, a := range positive {
		for _, b := range negative {
			switch {
			case a > b:
				wins++
			case a == b:
				wins += 0.5
			}
		}
	}
	return wins / float64(len(positive)*len(negative))
}

func load(path string) ([]question, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	var out []question
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		out = append(out, q)
	}
	return out, lines.Err()
}
