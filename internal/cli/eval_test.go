package cli_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// monthsFile writes monthly series with a season, cut into train and test.
func monthsFile(t *testing.T, count int) string {
	t.Helper()
	var b strings.Builder
	for i := range count {
		y := make([]float64, 60)
		for k := range y {
			y[k] = 100 + float64(i) + 30*math.Sin(float64(k)*math.Pi/6) + math.Sin(float64(k*k+i))
		}
		line, err := json.Marshal(map[string]any{"id": fmt.Sprint("s", i), "period": "monthly", "m": 12, "h": 6, "train": y[:54], "test": y[54:]})
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	path := filepath.Join(t.TempDir(), "months.jsonl")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

type evaluated struct {
	Groups []struct {
		Frequency string
		Season    int
		Horizon   int
		Series    int
		Best      string
		Methods   []struct {
			Method    string
			SMAPE     *float64
			MASE      *float64
			OWA       *float64
			Intervals []struct{ Level, Coverage, MSIS float64 }
			Steps     []struct{ SMAPE, MASE float64 }
		}
	}
}

func TestEvalForecast(t *testing.T) {
	t.Parallel()
	path := monthsFile(t, 25)
	picture := filepath.Join(t.TempDir(), "errors.png")
	out, errs, code := omni(t, "", nil, "eval", "forecast", path, "--methods", "global,theta,ets,seasonal_naive", "--png", picture, "--plot", "--ascii", "--stride", "2")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	for _, want := range []string{"monthly: 13 series, 6 steps ahead, season 12", "naive2", "seasonal_naive", "OWA", "inside", "best", "* global", "step 6"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	raw, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(raw)); err != nil {
		t.Error(err)
	}
}

// The figures are those of a season that repeats but for a hundredth.
func TestEvalForecastAsJSON(t *testing.T) {
	t.Parallel()
	out, errs, code := omni(t, "", nil, "eval", "forecast", monthsFile(t, 5), "--methods", "seasonal_naive,naive,ets", "--horizon", "4", "--json", "--level", "42")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	var got evaluated
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Groups) != 1 || got.Groups[0].Series != 5 || got.Groups[0].Horizon != 4 || got.Groups[0].Season != 12 || len(got.Groups[0].Methods) != 4 {
		t.Fatalf("%s", out)
	}
	reference, seasonal, naive, ets := got.Groups[0].Methods[0], got.Groups[0].Methods[1], got.Groups[0].Methods[2], got.Groups[0].Methods[3]
	if *reference.OWA != 1 || *seasonal.MASE > 2 || *naive.MASE < 5 || *naive.OWA < 2*(*seasonal.OWA) || len(naive.Steps) != 4 {
		t.Errorf("%s", out)
	}
	levels := 0
	for _, i := range ets.Intervals {
		if i.Level == 42 {
			levels++
		}
	}
	if levels != 1 || len(seasonal.Intervals) != 0 {
		t.Errorf("intervals %+v and %+v", ets.Intervals, seasonal.Intervals)
	}
}

func TestEvalForecastOfCSV(t *testing.T) {
	t.Parallel()
	out, errs, code := omni(t, "", nil, "eval", "forecast", sales, "--methods", "auto,seasonal_naive", "--horizon", "6", "--csv")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(rows) != 4 || rows[1][0] != "monthly" || rows[1][4] != "naive2" || rows[2][4] != "auto" || rows[2][10] == "" || rows[3][10] != "" {
		t.Errorf("%v, %v", rows, err)
	}
	// A hole in the known part is filled, one at the end is not scored.
	holed := "date,v\n"
	for i := range 40 {
		v := fmt.Sprint(10 + i%2)
		if i == 7 || i == 38 {
			v = ""
		}
		holed += fmt.Sprintf("2026-01-%02d,%s\n", i+1, v)
		if i == 30 {
			break
		}
	}
	if out, errs, code := omni(t, holed, nil, "eval", "forecast", "-", "--methods", "naive", "--horizon", "4"); code != 0 || !strings.Contains(out, "daily: 1 series") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}

func TestEvalForecastCoverage(t *testing.T) {
	t.Parallel()
	out, errs, code := omni(t, "", nil, "eval", "forecast", monthsFile(t, 3), "--methods", "ets,naive", "--chart", "coverage", "--plot", "--ascii")
	if code != 0 || !strings.Contains(out, "o honest") || strings.Contains(out, "+ naive") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	_, errs, code = omni(t, "", nil, "eval", "forecast", monthsFile(t, 3), "--methods", "naive", "--chart", "coverage", "--png", filepath.Join(t.TempDir(), "x.png"))
	if code != 1 || !strings.Contains(errs, "no method of --methods has intervals") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// A model that was just trained can be measured in place of the shipped one.
func TestEvalForecastOfAModelFile(t *testing.T) {
	t.Parallel()
	path := seriesFile(t)
	model := filepath.Join(t.TempDir(), "model.bin")
	if _, errs, code := omni(t, "", nil, "train", "forecast", path, "--only", "yearly", "--members", "1", "--judges", "0", "--effort", "0.0002", "--out", model); code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	scores := func(more ...string) string {
		out, errs, code := omni(t, "", nil, append([]string{"eval", "forecast", path, "--methods", "global", "--csv"}, more...)...)
		if code != 0 {
			t.Fatalf("exit %d: %s", code, errs)
		}
		rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
		if err != nil || len(rows) != 3 {
			t.Fatalf("%v: %s", err, out)
		}
		return rows[2][5]
	}
	if shipped, own := scores(), scores("--model", model); shipped == own {
		t.Errorf("both models have sMAPE %s", own)
	}
}

func TestEvalForecastFailures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	lines := write("short.jsonl", `{"id":"a","period":"monthly","train":[1,2,3,4],"test":[5]}`+"\n")
	tiny := write("tiny.jsonl", `{"id":"a","period":"monthly","train":[1,2],"test":[5]}`+"\n")
	nameless := write("nameless.jsonl", `{"id":"a","train":[1,2,3,4,5,6,7]}`+"\n")
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no file", nil, 2, "FILE is missing"},
		{"nowhere", []string{"nowhere.jsonl"}, 1, "cannot read nowhere.jsonl"},
		{"broken lines", []string{write("broken.jsonl", "{\n")}, 1, "line 1"},
		{"broken CSV", []string{write("broken.csv", "a\nb\n")}, 1, "broken.csv"},
		{"not compressed", []string{write("plain.csv.gz", "a\n1\n")}, 1, "plain.csv.gz"},
		{"too long a horizon", []string{lines, "--horizon", "3"}, 1, "a horizon of 3 is longer"},
		{"too short", []string{tiny}, 1, "no series is left"},
		{"no horizon", []string{nameless}, 1, "state a horizon"},
		{"no such method", []string{lines, "--methods", "guess"}, 2, "guess"},
		{"no such chart", []string{lines, "--chart", "pie"}, 2, "pie"},
		{"no level", []string{lines, "--level", "100"}, 2, "--level 100"},
		{"no stride", []string{lines, "--stride", "0"}, 2, "--stride 0"},
		{"a negative horizon", []string{lines, "--horizon", "-1"}, 2, "--horizon -1"},
		{"a negative season", []string{lines, "--season", "-1"}, 2, "--season -1"},
		{"two forms", []string{lines, "--csv", "--json"}, 2, "exclude each other"},
		{"no model", []string{lines, "--model", lines}, 1, "not a model file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, errs, code := omni(t, "", nil, append([]string{"eval", "forecast"}, c.args...)...)
			if code != c.code || !strings.Contains(errs, c.want) {
				t.Errorf("exit %d, want %d: %q, want %q", code, c.code, errs, c.want)
			}
		})
	}
}

// labelledText is a quiet series with a labelled leap, which comes at row 600.
func labelledText(label func(i int) string) string {
	var b strings.Builder
	b.WriteString("timestamp,value,label\n")
	for i := range 800 {
		v := math.Sin(float64(i)/10) + 0.1*math.Sin(float64(i*i))
		if i >= 600 && i < 604 {
			v += 30
		}
		fmt.Fprintf(&b, "2026-01-%02d %02d:%02d:00,%g,%s\n", 1+i/288, i%288/12, 5*(i%12), v, label(i))
	}
	return b.String()
}

func leap(i int) string {
	if i >= 600 && i < 604 {
		return "1"
	}
	return "0"
}

func TestEvalDetect(t *testing.T) {
	t.Parallel()
	text := labelledText(leap)
	out, errs, code := omni(t, text, nil, "eval", "detect", "-", "--detectors", "entire,stream,shape", "--json")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	var got struct {
		Detectors []struct {
			Detector       string
			Windows, Found int
			Alarms, Right  int
			Recall         *float64 `json:"point_recall"`
			NAB            map[string]float64
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Detectors) != 3 {
		t.Fatalf("%s", out)
	}
	for _, d := range got.Detectors {
		if d.Windows != 1 || d.Found != 1 || d.Right < 1 || len(d.NAB) != 3 {
			t.Errorf("%+v", d)
		}
	}
	if e := got.Detectors[0]; e.Alarms != 1 || *e.Recall != 1 || e.NAB["standard"] < 99 {
		t.Errorf("%+v", e)
	}
	picture := filepath.Join(t.TempDir(), "alarms.svg")
	out, errs, code = omni(t, text, nil, "eval", "detect", "-", "--svg", picture, "--plot", "--ascii", "--files")
	if code != 0 || !strings.Contains(out, "1 series, 800 points, 1 labelled windows") || !strings.Contains(out, "1 of 1") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	if raw, err := os.ReadFile(picture); err != nil || !strings.Contains(string(raw), "labelled") {
		t.Errorf("%v", err)
	}
	if _, errs, _ := omni(t, labelledText(func(int) string { return "0" }), nil, "eval", "detect", "-"); !strings.Contains(errs, "nothing is labelled") {
		t.Errorf("no word of missing labels: %s", errs)
	}
}

// A corpus in one file, with its labels in another.
func TestEvalDetectWindows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, windows := filepath.Join(dir, "data.csv"), filepath.Join(dir, "windows.json")
	text := "file,timestamp,value\n"
	for i, line := range strings.Split(strings.TrimSpace(labelledText(leap)), "\n")[1:] {
		cells := strings.Split(line, ",")
		text += "a/x.csv," + cells[0] + "," + cells[1] + "\n"
		if i%2 == 0 { // and one whose clock repeats itself
			text += "b/y.csv," + cells[0] + ",1\nb/y.csv," + cells[0] + ",2\n"
		}
	}
	for path, content := range map[string]string{
		data: text, windows: `{"a/x.csv": [["2026-01-03 02:00:00.000000", "2026-01-03 02:15:00.000000"]], "b/y.csv": []}`,
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, errs, code := omni(t, "", nil, "eval", "detect", data, "--windows", windows, "--csv")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(rows) != 7 || rows[1][0] != "a/x.csv" || rows[1][3] != "1" || rows[3][0] != "" || rows[3][2] != "1" {
		t.Errorf("%v: %s", err, out)
	}
	if _, errs, code := omni(t, "", nil, "eval", "detect", data, "--windows", windows, "--plot"); code != 2 || !strings.Contains(errs, "--series") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestEvalDetectFailures(t *testing.T) {
	t.Parallel()
	windows := filepath.Join(t.TempDir(), "w.json")
	if err := os.WriteFile(windows, []byte(`{"other.csv": []}`), 0o600); err != nil {
		t.Fatal(err)
	}
	const good = "timestamp,value,label\n2026-01-01 00:00:00,1,0\n"
	for _, c := range []struct {
		name, stdin string
		args        []string
		code        int
		want        string
	}{
		{"empty", "", nil, 1, "empty"},
		{"a header alone", "value\n", nil, 1, "no data below"},
		{"no values", "timestamp,label\n", nil, 1, "no column named value"},
		{"no such column", good, []string{"--label-column", "truth"}, 1, `no column "truth"`},
		{"a value that is none", "value\n1\nmuch\n", nil, 1, "line 3"},
		{"a time that is none", "timestamp,value\nsoon,1\n", nil, 1, "soon"},
		{"a label that is none", "value,label\n1,maybe\n", nil, 1, "maybe"},
		{"too few points", good, nil, 1, "points"},
		{"windows of another", good, []string{"--windows", windows}, 1, "name no series"},
		{"no such detector", good, []string{"--detectors", "gut"}, 2, "gut"},
		{"no such series", good, []string{"--series", "x"}, 2, "--series"},
		{"too sensitive", good, []string{"--sensitivity", "100"}, 2, "--sensitivity 100"},
		{"no threshold", good, []string{"--threshold", "0"}, 2, "--threshold 0"},
		{"a negative season", good, []string{"--period", "-1"}, 2, "--period -1"},
		{"two forms", good, []string{"--csv", "--json"}, 2, "exclude each other"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, errs, code := omni(t, c.stdin, nil, append([]string{"eval", "detect", "-"}, c.args...)...)
			if code != c.code || !strings.Contains(errs, c.want) {
				t.Errorf("exit %d, want %d: %q, want %q", code, c.code, errs, c.want)
			}
		})
	}
}
