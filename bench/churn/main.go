// Command churn measures the churn learner on a table with a given split, as
// the mean over seeds:
//
//	go run ./bench/churn -data DIR
//
// DIR holds IBM's telco churn sample: telco_customer_churn.csv with the label
// in column Churn and the id in customerID, and split_train_ids.txt and
// split_test_ids.txt. reference.py runs scikit-learn on the same split.
package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/omni-run/omni/internal/ml/churn"
)

func main() {
	data := flag.String("data", ".", "folder of the table and its split")
	seeds := flag.Int("seeds", 5, "trainings")
	flag.Parse()
	if err := run(context.Background(), *data, *seeds); err != nil {
		fmt.Fprintln(os.Stderr, "churn:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, data string, seeds int) error {
	train, test, err := read(data)
	if err != nil {
		return err
	}
	var meanAUC, meanLoss, seconds float64
	fmt.Println("| seed | trees | held-out AUC | test AUC | test log-loss | seconds |")
	fmt.Println("|---|---|---|---|---|---|")
	for seed := range seeds {
		start := time.Now()
		t, err := churn.Train(ctx, train, churn.Options{Seed: uint64(seed)})
		if err != nil {
			return err
		}
		took := time.Since(start).Seconds()
		auc, loss := t.Model.Score(test)
		fmt.Printf("| %d | %d | %.4f | %.4f | %.4f | %.2f |\n", seed, len(t.Model.Trees.Trees), t.Model.AUC, auc, loss, took)
		meanAUC, meanLoss, seconds = meanAUC+auc/float64(seeds), meanLoss+loss/float64(seeds), seconds+took/float64(seeds)
	}
	fmt.Printf("| mean | | | %.4f | %.4f | %.2f |\n", meanAUC, meanLoss, seconds)
	return nil
}

func read(folder string) (train, test churn.Labelled, err error) {
	file, err := os.Open(filepath.Join(folder, "telco_customer_churn.csv"))
	if err != nil {
		return train, test, err
	}
	defer file.Close()
	records, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return train, test, fmt.Errorf("reading the table: %w", err)
	}
	tested, err := lines(filepath.Join(folder, "split_test_ids.txt"))
	if err != nil {
		return train, test, err
	}
	trained, err := lines(filepath.Join(folder, "split_train_ids.txt"))
	if err != nil {
		return train, test, err
	}
	for _, r := range records[1:] {
		row, id, left := churn.Row{}, "", false
		for j, name := range records[0] {
			switch name {
			case "customerID":
				id = r[j]
			case "Churn":
				left = r[j] == "Yes"
			default:
				row[name] = churn.Value{Kind: churn.Text, Text: r[j]}
			}
		}
		to := &train
		if tested[id] {
			to = &test
		} else if !trained[id] {
			return train, test, fmt.Errorf("customer %s is in neither part", id)
		}
		to.Rows, to.Churned = append(to.Rows, row), append(to.Churned, left)
	}
	return train, test, nil
}

func lines(path string) (map[string]bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	out := map[string]bool{}
	s := bufio.NewScanner(file)
	for s.Scan() {
		out[strings.TrimSpace(s.Text())] = true
	}
	return out, s.Err()
}
