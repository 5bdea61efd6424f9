package cli_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/ml/globalforecast"
)

// seriesFile writes yearly series whose test part continues them; the last one
// holds the first one's test part.
func seriesFile(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	var leaked []float64
	for i := range 12 {
		y := make([]float64, 26)
		for k := range y {
			y[k] = 100 * math.Exp(0.002*float64(i*k)) * (1 + 0.02*math.Sin(float64(i+7*k)))
		}
		if i == 0 {
			leaked = y[20:]
		}
		train := y[:20]
		if i == 11 {
			train = append(train[:12:12], leaked...)
		}
		line, err := json.Marshal(map[string]any{"id": fmt.Sprint(i), "period": "yearly", "h": 6, "train": train, "test": y[20:]})
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	path := filepath.Join(t.TempDir(), "yearly.jsonl")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTrainForecast(t *testing.T) {
	t.Parallel()
	path := seriesFile(t)
	model := filepath.Join(t.TempDir(), "model.bin")
	args := []string{"train", "forecast", path, "--only", "yearly", "--members", "2", "--effort", "0.0002", "--version", "one", "--out", model}
	out, errs, code := omni(t, "", nil, args...)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	for _, want := range []string{"12 series; 1 left out because they hold a test part", "yearly 0 %"} {
		if !strings.Contains(errs, want) {
			t.Errorf("no %q in\n%s", want, errs)
		}
	}
	if !strings.Contains(out, "networks/Theta") || !strings.Contains(out, "parameters") {
		t.Errorf("it printed\n%s", out)
	}
	data, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	m, err := globalforecast.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if m.Version != "one" || len(m.Sources) != 1 || m.Sources[0] != "yearly" || m.Frequency("yearly").Members != 2 {
		t.Errorf("%+v", m)
	}
	// The same command makes the same file, and a file can be added to.
	if _, errs, code := omni(t, "", nil, append(args, "--into", model, "--parallel", "1")...); code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	again, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	if string(again) != string(data) {
		t.Error("the same seed trained another model")
	}
}

func TestTrainForecastFailures(t *testing.T) {
	t.Parallel()
	path := seriesFile(t)
	garbage := filepath.Join(t.TempDir(), "garbage.jsonl")
	if err := os.WriteFile(garbage, []byte("{\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty.jsonl")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no file", nil, 2, "FILE is missing"},
		{"nowhere", []string{"nowhere.jsonl"}, 1, "cannot read nowhere.jsonl"},
		{"garbage", []string{garbage}, 1, "line 1"},
		{"not compressed", []string{path + ".gz"}, 1, "cannot read"},
		{"no quarterly series", []string{path}, 1, "no series is quarterly; train what the files hold with --only yearly"},
		{"none of the one asked for", []string{path, "--only", "yearly,hourly"}, 1, "no series is hourly; train what the files hold with --only yearly"},
		{"none at all", []string{empty}, 1, "no series is yearly"},
		{"no such frequency", []string{path, "--only", "secondly"}, 2, "secondly"},
		{"no members", []string{path, "--members", "0"}, 2, "--members 0"},
		{"too many judges", []string{path, "--judges", "4"}, 2, "--judges 4"},
		{"no effort", []string{path, "--effort", "0"}, 2, "--effort 0"},
		{"no model to add to", []string{path, "--only", "yearly", "--effort", "0.0002", "--into", garbage, "--out", garbage}, 1, "not a model file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, errs, code := omni(t, "", nil, append([]string{"train", "forecast"}, c.args...)...)
			if code != c.code || !strings.Contains(errs, c.want) {
				t.Errorf("exit %d, want %d: %q, want %q", code, c.code, errs, c.want)
			}
		})
	}
}
