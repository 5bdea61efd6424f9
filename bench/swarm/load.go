package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/omni-run/omni/internal/ml/schedule"
)

// benchmark is one instance with the best makespan anyone has published.
type benchmark struct {
	id, family string
	known      float64
	problem    *schedule.Problem
}

func load(dir string) ([]benchmark, error) {
	var all []benchmark
	for _, part := range []struct {
		path string
		read func(line []byte) (*benchmark, error)
	}{
		{"jobshop/jsp.jsonl.gz", readJobShop},
		{"flexible_jobshop/fjsp.jsonl.gz", readFlexible},
		{"psplib/rcpsp_j30.jsonl.gz", readProject("j30")},
		{"psplib/rcpsp_j60.jsonl.gz", readProject("j60")},
	} {
		err := eachLine(filepath.Join(dir, part.path), func(line []byte) error {
			b, err := part.read(line)
			if b != nil {
				all = append(all, *b)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", part.path, err)
		}
	}
	return all, nil
}

func eachLine(path string, f func(line []byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(unzipped)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if err := f(lines.Bytes()); err != nil {
			return err
		}
	}
	return lines.Err()
}

// shop adds a chain of operations, each with its times by machine.
func shop(p *schedule.Problem, job int, ops []map[int]float64) {
	for k, times := range ops {
		t := schedule.Task{
			ID: fmt.Sprintf("%d.%d", job, k), Weight: 1, Duration: math.NaN(), Deadline: math.Inf(1),
			On: make(map[string]float64, len(times)),
		}
		for machine, time := range times {
			t.On[strconv.Itoa(machine)] = time
		}
		if k > 0 {
			t.DependsOn = []string{fmt.Sprintf("%d.%d", job, k-1)}
		}
		p.Tasks = append(p.Tasks, t)
	}
}

func machines(n int) *schedule.Problem {
	p := &schedule.Problem{Objective: schedule.Makespan}
	for m := range n {
		p.Workers = append(p.Workers, schedule.Worker{ID: strconv.Itoa(m)})
	}
	return p
}

// readJobShop reads an instance in which each operation has one machine.
func readJobShop(line []byte) (*benchmark, error) {
	var raw struct {
		ID         string         `json:"id"`
		Family     string         `json:"family"`
		Machines   int            `json:"machines"`
		UpperBound float64        `json:"upper_bound"`
		Ops        [][][2]float64 `json:"ops"`
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return nil, err
	}
	p := machines(raw.Machines)
	for j, job := range raw.Ops {
		var ops []map[int]float64
		for _, op := range job {
			ops = append(ops, map[int]float64{int(op[0]): op[1]})
		}
		shop(p, j, ops)
	}
	return &benchmark{id: raw.ID, family: raw.Family, known: raw.UpperBound, problem: p}, nil
}

// readFlexible reads an instance in which each operation has several machines.
func readFlexible(line []byte) (*benchmark, error) {
	var raw struct {
		ID         string           `json:"id"`
		Family     string           `json:"family"`
		Machines   int              `json:"machines"`
		UpperBound float64          `json:"upper_bound"`
		Ops        [][][][2]float64 `json:"ops"`
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return nil, err
	}
	p := machines(raw.Machines)
	for j, job := range raw.Ops {
		var ops []map[int]float64
		for _, op := range job {
			times := map[int]float64{}
			for _, choice := range op {
				times[int(choice[0])] = choice[1]
			}
			ops = append(ops, times)
		}
		shop(p, j, ops)
	}
	return &benchmark{id: raw.ID, family: "flexible-" + raw.Family, known: raw.UpperBound, problem: p}, nil
}

// readProject reads a project whose tasks need at most one resource each: the
// resource is a worker of its capacity, the need a demand. Others are left out,
// since a task has one worker here.
func readProject(family string) func(line []byte) (*benchmark, error) {
	return func(line []byte) (*benchmark, error) {
		var raw struct {
			ID         string    `json:"id"`
			Capacity   []int     `json:"capacity"`
			Duration   []float64 `json:"duration"`
			Request    [][]int   `json:"request"`
			Successors [][]int   `json:"successors"`
			Known      float64   `json:"best_known"`
		}
		if err := json.Unmarshal(line, &raw); err != nil {
			return nil, err
		}
		p := machines(len(raw.Capacity))
		for r, capacity := range raw.Capacity {
			p.Workers[r].Capacity = capacity
		}
		for i, time := range raw.Duration {
			t := schedule.Task{ID: strconv.Itoa(i), Weight: 1, Duration: math.NaN(), Deadline: math.Inf(1)}
			resource := 0
			for r, units := range raw.Request[i] {
				if units > 0 && t.Demand > 0 {
					return nil, nil
				}
				if units > 0 {
					resource, t.Demand = r, units
				}
			}
			if t.Demand == 0 && time > 0 {
				return nil, nil
			}
			t.On = map[string]float64{strconv.Itoa(resource): time}
			p.Tasks = append(p.Tasks, t)
		}
		for i, list := range raw.Successors {
			for _, s := range list {
				p.Tasks[s].DependsOn = append(p.Tasks[s].DependsOn, strconv.Itoa(i))
			}
		}
		return &benchmark{id: raw.ID, family: family, known: raw.Known, problem: p}, nil
	}
}
