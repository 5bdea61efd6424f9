package main

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/omni-run/omni/internal/ml/nabscore"
	"github.com/omni-run/omni/internal/ml/stream"
)

// folder writes a corpus of one file of four points with the given labels.
func folder(t *testing.T, data, labels string) string {
	t.Helper()
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "data.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	w := gzip.NewWriter(f)
	if _, err := w.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "combined_windows.json"), []byte(labels), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

const fourPoints = `file,timestamp,value
b/x.csv,2014-04-01 00:00:00,1
a/y.csv,2014-04-01 00:00:00,5
b/x.csv,2014-04-01 00:05:00,2
b/x.csv,2014-04-01 00:10:00,3
b/x.csv,2014-04-01 00:10:00,4
`

func TestReadCorpus(t *testing.T) {
	t.Parallel()
	// Of rows with equal times the first is the window's edge.
	c, err := readCorpus(folder(t, fourPoints,
		`{"a/y.csv": [], "b/x.csv": [["2014-04-01 00:05:00.000000", "2014-04-01 00:10:00.000000"]]}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.series) != 2 || c.series[0].Name != "a/y.csv" || c.series[1].Rows != 4 ||
		!slices.Equal(c.values[1], []float64{1, 2, 3, 4}) ||
		!slices.Equal(c.series[1].Windows, []nabscore.Window{{First: 1, Last: 2}}) {
		t.Errorf("read %+v, values %v", c.series, c.values)
	}
	if got := categories(c); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("categories %v", got)
	}
	scores, err := detect(c, stream.DefaultConfig())
	if err != nil || len(scores) != 2 || len(scores[1]) != 4 {
		t.Errorf("scores %v, %v", scores, err)
	}
}

func TestReadCorpusRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ data, labels string }{
		"a time that is none":     {"file,timestamp,value\nx,soon,1\n", `{}`},
		"a value that is none":    {"file,timestamp,value\nx,2014-04-01 00:00:00,much\n", `{}`},
		"labels that are none":    {fourPoints, `[]`},
		"a window at other times": {fourPoints, `{"b/x.csv": [["2014-04-02 00:05:00", "2014-04-02 00:10:00"]]}`},
		"a window backwards":      {fourPoints, `{"b/x.csv": [["2014-04-01 00:10:00", "2014-04-01 00:05:00"]]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := readCorpus(folder(t, c.data, c.labels)); err == nil {
				t.Error("accepted")
			}
		})
	}
}
