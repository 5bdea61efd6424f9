// Command train makes the shipped churn model from the CC0 data set "Online
// Retail" (541,909 order lines of 2010-12 to 2011-12, as in the R package
// onlineretail) and prints its scores:
//
//	go run ./models/churn/train -data online_retail.tsv.gz -out models/churn/prior.json.gz
//
// A customer is a row at each cut-off date; it churned if it buys nothing in
// the 90 days after. Training cut-offs end 90 days before the test cut-off, so
// the test lies wholly in the future.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"time"

	"github.com/omni-run/omni/internal/ml/churn"
	"github.com/omni-run/omni/internal/ml/gbdt"
)

const horizon = 90 * 24 * time.Hour

func date(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

func main() {
	data := flag.String("data", "online_retail.tsv.gz", "the order lines, tab-separated and gzipped")
	out := flag.String("out", "models/churn/prior.json.gz", "where to write the model")
	flag.Parse()
	if err := run(context.Background(), *data, *out); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, data, out string) error {
	customers, err := readOrders(data)
	if err != nil {
		return err
	}
	var grow, stop gbdt.Data
	random := rand.New(rand.NewPCG(2011, 90))
	rows := 0
	for _, cut := range []string{"2011-03-01", "2011-04-01", "2011-05-01", "2011-06-01"} {
		for _, c := range customers {
			row, churned, ok := c.at(date(cut))
			if !ok {
				continue
			}
			rows++
			to := &grow
			if c.id%7 == 0 {
				to = &stop
			}
			// Callers know some of the features only: teach the model to do
			// without any of them.
			for _, r := range [][]float64{row, masked(random, row), masked(random, row)} {
				to.Rows, to.Labels = append(to.Rows, r), append(to.Labels, churned)
			}
		}
	}
	m, err := gbdt.Train(ctx, grow, stop, gbdt.Options{
		Rounds: 200, LearningRate: 0.1, Leaves: 12, MinLeaf: 100, Lambda: 5, RowShare: 0.8, Monotone: monotone(), Patience: 15, Seed: 1,
	})
	if err != nil {
		return err
	}
	calibrated := m.Calibrate(stop)
	var test gbdt.Data
	for _, c := range customers {
		if row, churned, ok := c.at(date("2011-09-09")); ok {
			test.Rows, test.Labels = append(test.Rows, row), append(test.Labels, churned)
		}
	}
	auc := report(m, test)
	fmt.Printf("%d training rows, %d trees, calibrated %v\n", rows, len(m.Trees), calibrated)
	raw, err := pack(m, grow, auc).Encode()
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d bytes\n", out, len(raw))
	return os.WriteFile(out, raw, 0o644)
}

// masked forgets each feature with an even chance.
func masked(random *rand.Rand, row []float64) []float64 {
	out := make([]float64, len(row))
	for i, v := range row {
		if out[i] = v; random.IntN(2) == 0 {
			out[i] = math.NaN()
		}
	}
	return out
}

// report prints the scores by which features are known, and returns the AUC
// with all of them.
func report(m *gbdt.Model, test gbdt.Data) float64 {
	type subset struct {
		name string
		keep []int
	}
	known := []subset{{"all features", nil}, {"recency, frequency, monetary", []int{0, 1, 2}}}
	for i, f := range features {
		known = append(known, subset{f.name + " only", []int{i}})
	}
	var all float64
	for _, k := range known {
		odds := make([]float64, len(test.Rows))
		for i, r := range test.Rows {
			odds[i] = m.LogOdds(only(r, k.keep))
		}
		auc := gbdt.AUC(odds, test.Labels)
		fmt.Printf("%-32s AUC %.4f  log-loss %.4f\n", k.name, auc, gbdt.LogLoss(odds, test.Labels))
		if k.keep == nil {
			all = auc
		}
	}
	recency := make([]float64, len(test.Rows))
	churned := 0
	for i, r := range test.Rows {
		recency[i] = r[0]
		if test.Labels[i] {
			churned++
		}
	}
	rate := float64(churned) / float64(len(test.Rows))
	fmt.Printf("%d test rows, %.4f churned; recency as the score: AUC %.4f; base rate: log-loss %.4f\n", len(test.Rows), rate,
		gbdt.AUC(recency, test.Labels), -rate*math.Log(rate)-(1-rate)*math.Log(1-rate))
	return all
}

func only(row []float64, keep []int) []float64 {
	if keep == nil {
		return row
	}
	out := make([]float64, len(row))
	for i := range out {
		out[i] = math.NaN()
	}
	for _, i := range keep {
		out[i] = row[i]
	}
	return out
}

func pack(m *gbdt.Model, grow gbdt.Data, auc float64) *churn.Model {
	out := &churn.Model{Trees: *m, AUC: auc}
	for _, f := range features {
		out.Columns = append(out.Columns, churn.Column{Name: f.name})
	}
	n := 0
	for i := 0; i < len(grow.Rows); i += 3 { // the rows with all features
		if grow.Labels[i] {
			out.BaseRate++
		}
		phi, _ := m.Contributions(grow.Rows[i])
		for j, v := range phi {
			out.Columns[j].Importance += math.Abs(v)
		}
		n++
	}
	out.BaseRate /= float64(n)
	for j := range out.Columns {
		out.Columns[j].Importance /= float64(n)
	}
	return out
}
