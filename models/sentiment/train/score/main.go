// Command score runs the sentiment service, as shipped, over labelled files and
// prints the figures of the model card:
//
//	go run ./models/sentiment/train/score DATA_DIR
//
// DATA_DIR holds the folders named below; what is not there is left out.
package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/service/sentiment"
	"github.com/omni-run/omni/models/embed"
	weights "github.com/omni-run/omni/models/sentiment"
)

type set struct {
	name, file string
	labels     map[string]string // a file's label → ours
	only       string            // value of the second column, if it is to be chosen by
	every      int               // when above 1, only every so many lines are read
}

var (
	binary = map[string]string{"0": "negative", "1": "positive"}
	triple = map[string]string{"0": "negative", "1": "neutral", "2": "positive"}
	sets   = []set{
		{name: "SST-2 dev", file: "sst2_glue/dev.tsv", labels: binary},
		{name: "SST-2 test", file: "sst2_sentence/test.tsv", labels: binary},
		{name: "SST-3 test", file: "sst5_sentence/test.tsv", labels: map[string]string{"0": "negative", "1": "negative", "2": "neutral", "3": "positive", "4": "positive"}},
		{name: "IMDB (every 5th of val)", file: "imdb/val.tsv.gz", labels: binary, every: 5},
		{name: "tweets, 3 classes", file: "tweet_sentiment_extraction/test.tsv.gz", labels: triple},
		{name: "tweets, UMSAB English", file: "umsab_multilingual/val.tsv.gz", labels: triple, only: "english"},
		{name: "financial phrasebank", file: "financial_phrasebank/all_50agree.tsv", labels: triple},
		{name: "tweeteval emotion test", file: "tweeteval_emotion/test.tsv", labels: map[string]string{"0": "anger", "1": "joy", "2": "optimism", "3": "sadness"}},
	}
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: score DATA_DIR")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dir string) error {
	s := sentiment.New(sentiment.Deps{Embedding: embed.Default, Network: weights.Default})
	if err := s.Load(context.Background()); err != nil {
		return err
	}
	for _, set := range sets {
		if err := score(s, filepath.Join(dir, set.file), set); err != nil {
			return fmt.Errorf("%s: %w", set.name, err)
		}
	}
	return nil
}

func score(s *sentiment.Service, path string, set set) error {
	lines, err := read(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	confusion := map[[2]string]int{} // gold, got
	n, right, polar, sign := 0, 0, 0, 0
	for i, line := range lines {
		fields := strings.Split(line, "\t")
		gold, ok := set.labels[fields[0]]
		said := strings.ReplaceAll(fields[len(fields)-1], "<br />", "\n")
		if !ok || strings.TrimSpace(said) == "" || (set.only != "" && fields[1] != set.only) || i%max(1, set.every) != 0 {
			continue
		}
		answer, err := ask(s, said)
		if err != nil {
			return err
		}
		got := answer.Sentiment
		if strings.Contains(set.name, "emotion") {
			got = answer.Emotion
		}
		n++
		confusion[[2]string{gold, got}]++
		if got == gold {
			right++
		}
		if gold == "positive" || gold == "negative" {
			polar++
			if (answer.Polarity > 0) == (gold == "positive") {
				sign++
			}
		}
	}
	fmt.Printf("%-28s n %6d  label %.4f  macro-F1 %.4f", set.name, n, float64(right)/float64(n), macroF1(confusion))
	if polar > 0 {
		fmt.Printf("  sign of polarity %.4f", float64(sign)/float64(polar))
	}
	fmt.Printf("  %v\n", confusion)
	return nil
}

func ask(s *sentiment.Service, said string) (*api.SentimentAnswer, error) {
	body, err := json.Marshal(map[string]string{"text": said})
	if err != nil {
		return nil, err
	}
	answer, err := s.Routes()[0].Handler(context.Background(), &service.Call{Body: body})
	if err != nil {
		return nil, err
	}
	return answer.(*api.SentimentAnswer), nil
}

// macroF1 is the mean, over the gold labels, of each one's F1.
func macroF1(confusion map[[2]string]int) float64 {
	gold, got := map[string]int{}, map[string]int{}
	for k, n := range confusion {
		gold[k[0]] += n
		got[k[1]] += n
	}
	var sum float64
	for label := range gold {
		sum += 2 * float64(confusion[[2]string{label, label}]) / float64(gold[label]+got[label])
	}
	return sum / float64(len(gold))
}

func read(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return nil, err
		}
	}
	var out []string
	scan := bufio.NewScanner(in)
	scan.Buffer(nil, 1<<22)
	for scan.Scan() {
		out = append(out, scan.Text())
	}
	return out, scan.Err()
}
