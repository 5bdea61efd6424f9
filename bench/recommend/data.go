package main

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/omni-run/omni/internal/ml/sparse"
)

// data is one set: rows are users, the same in both halves.
type data struct{ train, test *sparse.Matrix }

// event is one line or one item of a line.
type event struct {
	user, item int32
	at         float64
}

// ids numbers names in the order of their appearance.
type ids map[string]int32

func (n ids) of(name string) int32 {
	if i, ok := n[name]; ok {
		return i
	}
	n[name] = int32(len(n))
	return n[name]
}

// read takes whichever layout the folder has.
func read(folder string) (data, error) {
	users, items := ids{}, ids{}
	if events, err := lines(filepath.Join(folder, "ml-100k.inter.tsv.gz"), ratings(users, items)); err == nil {
		return lastOut(events, len(users), len(items)), nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return data{}, err
	}
	name, parse := "txt.gz", adjacency(users, items)
	if _, err := os.Stat(filepath.Join(folder, "train.tsv")); err == nil {
		name, parse = "tsv", pairs(users, items)
	}
	train, err := lines(filepath.Join(folder, "train."+name), parse)
	if err != nil {
		return data{}, err
	}
	test, err := lines(filepath.Join(folder, "test."+name), parse)
	if err != nil {
		return data{}, err
	}
	return data{matrix(train, len(users), len(items)), matrix(test, len(users), len(items))}, nil
}

func matrix(events []event, users, items int) *sparse.Matrix {
	seen := map[[2]int32]bool{}
	var entries []sparse.Entry
	for _, e := range events {
		if key := [2]int32{e.user, e.item}; !seen[key] {
			seen[key] = true
			entries = append(entries, sparse.Entry{Row: e.user, Col: e.item, Value: 1})
		}
	}
	return sparse.New(users, items, entries)
}

// lastOut puts each user's newest event (the later line of equal times) into
// test and the others into train.
func lastOut(events []event, users, items int) data {
	last := make([]int, users)
	for i := range last {
		last[i] = -1
	}
	for i, e := range events {
		if l := last[e.user]; l < 0 || e.at >= events[l].at {
			last[e.user] = i
		}
	}
	var train, test []event
	for i, e := range events {
		if last[e.user] == i {
			test = append(test, e)
		} else {
			train = append(train, e)
		}
	}
	return data{matrix(train, users, items), matrix(test, users, items)}
}

type parser func(fields []string) ([]event, error)

// adjacency reads a user and then the user's items.
func adjacency(users, items ids) parser {
	return func(f []string) ([]event, error) {
		u := users.of(f[0])
		var out []event
		for _, name := range f[1:] {
			out = append(out, event{user: u, item: items.of(name)})
		}
		return out, nil
	}
}

// pairs reads user, item and a count that does not matter here.
func pairs(users, items ids) parser {
	return func(f []string) ([]event, error) {
		if len(f) < 2 {
			return nil, errors.New("no item")
		}
		return []event{{user: users.of(f[0]), item: items.of(f[1])}}, nil
	}
}

// ratings reads user, item, rating, time and keeps ratings of 4 and 5.
func ratings(users, items ids) parser {
	return func(f []string) ([]event, error) {
		if len(f) != 4 {
			return nil, errors.New("not four fields")
		}
		if strings.Contains(f[0], ":") {
			return nil, nil
		}
		stars, err := strconv.ParseFloat(f[2], 64)
		if err != nil || stars < 4 {
			return nil, err
		}
		at, err := strconv.ParseFloat(f[3], 64)
		return []event{{users.of(f[0]), items.of(f[1]), at}}, err
	}
}

func lines(path string, parse parser) (out []event, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var from io.Reader = file
	if strings.HasSuffix(path, ".gz") {
		if from, err = gzip.NewReader(file); err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
	}
	s := bufio.NewScanner(from)
	s.Buffer(nil, 1<<22)
	for n := 1; s.Scan(); n++ {
		fields := strings.Fields(s.Text())
		if len(fields) == 0 {
			continue
		}
		events, err := parse(fields)
		if err != nil {
			return nil, fmt.Errorf("%s line %d: %w", path, n, err)
		}
		out = append(out, events...)
	}
	return out, s.Err()
}
