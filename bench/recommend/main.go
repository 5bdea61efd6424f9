// Command recommend scores the recommendation models on public data sets with
// published results. The data is not part of the project: -data names a folder
// laid out as <set>/train.txt.gz and <set>/test.txt.gz, each line a user and
// then the items (amazon_electronics_m1, gowalla_lightgcn), or with train.tsv
// and test.tsv of user, item, count (lastfm_hetrec), or ml-100k.inter.tsv.gz
// of user, item, rating, time (ml100k, split here: each user's last item out).
//
//	go run ./bench/recommend -data DIR -set amazon_electronics_m1 -model ease -lambda 100
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/omni-run/omni/internal/ml/als"
	"github.com/omni-run/omni/internal/ml/ease"
	"github.com/omni-run/omni/internal/ml/rank"
	"github.com/omni-run/omni/internal/ml/sparse"
)

type options struct {
	data, set, model string
	k, every         int
	lambda, dropout  float64
	neighbors        int
	als              als.Options
	seed             uint64
}

func main() {
	var o options
	flag.StringVar(&o.data, "data", "", "folder that holds the data sets")
	flag.StringVar(&o.set, "set", "amazon_electronics_m1", "data set: a folder below -data")
	flag.StringVar(&o.model, "model", "ease", "ease, als or popularity")
	flag.IntVar(&o.k, "k", 20, "length of the list that is scored")
	flag.IntVar(&o.every, "every", 1, "score every n-th user only, for a quick look")
	flag.Float64Var(&o.lambda, "lambda", 100, "penalty of ease")
	flag.Float64Var(&o.dropout, "dropout", 0, "dropout of ease")
	flag.IntVar(&o.neighbors, "neighbors", 0, "weights of ease kept per item; 0 keeps all")
	flag.IntVar(&o.als.Factors, "factors", 64, "factors of als")
	flag.Float64Var(&o.als.Alpha, "alpha", 10, "confidence of als")
	flag.Float64Var(&o.als.Reg, "reg", 0.01, "penalty of als")
	flag.Float64Var(&o.als.RegPower, "reg-power", 0, "growth of the penalty of als with the row's weight")
	flag.IntVar(&o.als.Iterations, "iterations", 12, "sweeps of als")
	flag.IntVar(&o.als.Steps, "steps", 3, "conjugate gradient steps of als")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of als")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "recommend:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	d, err := read(filepath.Join(o.data, o.set))
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d users, %d items, %d train, %d test\n", o.set, d.train.Rows, d.train.Cols, d.train.Len(), d.test.Len())
	began := time.Now()
	score, err := train(ctx, d.train, o)
	if err != nil {
		return err
	}
	trained := time.Since(began)
	began = time.Now()
	r := evaluate(ctx, d, o.k, max(o.every, 1), score)
	if err := ctx.Err(); err != nil {
		return err
	}
	fmt.Printf("%s: recall@%[2]d %.4[3]f  ndcg@%[2]d %.4[4]f  f1@%[2]d %.4[5]f  users %[6]d  train %.1[7]fs  score %.1[8]fs\n",
		o.model, o.k, r.recall, r.ndcg, r.f1, r.users, trained.Seconds(), time.Since(began).Seconds())
	return nil
}

// scorer fills dst with the scores of every item for the user's row.
type scorer func(dst []float32, items []int32, values []float32) error

func train(ctx context.Context, x *sparse.Matrix, o options) (scorer, error) {
	workers := runtime.GOMAXPROCS(0)
	switch o.model {
	case "ease":
		m, err := ease.Train(ctx, x, ease.Options{Lambda: o.lambda, Dropout: o.dropout, Neighbors: o.neighbors, Workers: workers})
		if err != nil {
			return nil, err
		}
		return func(dst []float32, items []int32, values []float32) error {
			m.Score(dst, items, values)
			return nil
		}, nil
	case "als":
		o.als.Workers = workers
		m, err := als.Train(ctx, x, o.als, rand.New(rand.NewPCG(o.seed, 0)))
		if err != nil {
			return nil, err
		}
		return func(dst []float32, items []int32, values []float32) error {
			p, err := m.FoldIn(items, values)
			if err != nil {
				return err
			}
			p.Score(dst)
			return nil
		}, nil
	case "popularity":
		t := x.Transpose()
		return func(dst []float32, _ []int32, _ []float32) error {
			for i := range dst {
				users, _ := t.Row(i)
				dst[i] = float32(len(users))
			}
			return nil
		}, nil
	}
	return nil, fmt.Errorf("no model %q", o.model)
}

type result struct {
	recall, ndcg, f1 float64
	users            int
}

// evaluate ranks every item a user does not have in train, for each user with
// test items, and averages over those users.
func evaluate(ctx context.Context, d data, k, every int, score scorer) result {
	per := make([]result, d.train.Rows)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			dst := make([]float32, d.train.Cols)
			for u := int(next.Add(1)) - 1; u < d.test.Rows && ctx.Err() == nil; u = int(next.Add(1)) - 1 {
				wanted, _ := d.test.Row(u)
				if len(wanted) == 0 || u%every != 0 {
					continue
				}
				relevant, seen := map[int32]bool{}, map[int32]bool{}
				for _, i := range wanted {
					relevant[i] = true
				}
				items, values := d.train.Row(u)
				for _, i := range items {
					seen[i] = true
				}
				clear(dst)
				if err := score(dst, items, values); err != nil {
					continue
				}
				top := rank.Top(dst, k, func(i int) bool { return !seen[int32(i)] })
				per[u] = result{rank.Recall(top, relevant, k), rank.NDCG(top, relevant, k), rank.F1(top, relevant, k), 1}
			}
		})
	}
	wg.Wait()
	var r result
	for _, p := range per {
		r.recall += p.recall
		r.ndcg += p.ndcg
		r.f1 += p.f1
		r.users += p.users
	}
	n := float64(max(r.users, 1))
	r.recall, r.ndcg, r.f1 = r.recall/n, r.ndcg/n, r.f1/n
	return r
}
