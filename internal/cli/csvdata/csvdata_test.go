package csvdata_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/cli/csvdata"
)

var nan = math.NaN()

func same(a, b []float64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && !(math.IsNaN(a[i]) && math.IsNaN(b[i])) {
			return false
		}
	}
	return true
}

func TestRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		options    csvdata.Options
		values     []float64
		dates      string // first and last
	}{
		{"date and value", "date,sales\n2025-01-01,1\n2025-02-01,2.5\n", csvdata.Options{}, []float64{1, 2.5}, "2025-01-01 2025-02-01"},
		{"no header", "2025-01-01,1\n2025-02-01,2\n", csvdata.Options{}, []float64{1, 2}, "2025-01-01 2025-02-01"},
		{"values alone", "1\n2\n3\n", csvdata.Options{}, []float64{1, 2, 3}, ""},
		{"values alone with header", "sales\n1\n2\n3\n", csvdata.Options{}, []float64{1, 2, 3}, ""},
		{"values alone, decimal comma asked", "1,5\n2,75\n", csvdata.Options{Decimal: "comma"}, []float64{1.5, 2.75}, ""},
		{"semicolons and decimal commas", "Datum;Umsatz\n01.02.2025;1.234,50\n02.02.2025;7,5\n", csvdata.Options{}, []float64{1234.5, 7.5}, "2025-02-01 2025-02-02"},
		{"semicolons and points", "d;v\n2025-01-01;1.5\n2025-01-02;2.25\n", csvdata.Options{}, []float64{1.5, 2.25}, "2025-01-01 2025-01-02"},
		{"points between thousands", "d;v\n2025-01-01;1.234.567\n2025-01-02;22.000\n", csvdata.Options{}, []float64{1234567, 22000}, "2025-01-01 2025-01-02"},
		{"tabs", "date\tv\n2025-01-01\t1\n2025-01-02\t\n2025-01-03\t3\n", csvdata.Options{}, []float64{1, nan, 3}, "2025-01-01 2025-01-03"},
		{"bars", "date|v\n2025-01-01|1\n2025-01-02|2\n", csvdata.Options{}, []float64{1, 2}, "2025-01-01 2025-01-02"},
		{"quoted thousands", "date,v\n2025-01-01,\"1,234.50\"\n2025-01-02,\"2,000\"\n", csvdata.Options{}, []float64{1234.5, 2000}, "2025-01-01 2025-01-02"},
		{"quoted thousands alone", "date,v\n2025-01-01,\"1,234\"\n2025-01-02,\"2,000\"\n", csvdata.Options{}, []float64{1234, 2000}, "2025-01-01 2025-01-02"},
		{"currency", "date,v\n2025-01-01,$10\n2025-01-02,-$2.50\n2025-01-03,(3)\n2025-01-04,EUR 4\n2025-01-05,5 €\n", csvdata.Options{}, []float64{10, -2.5, -3, 4, 5}, "2025-01-01 2025-01-05"},
		{"swiss thousands and hard spaces", "v\n1'234.5\n2\u00a0345\n−6\n", csvdata.Options{}, []float64{1234.5, 2345, -6}, ""},
		{"byte order mark and CRLF", "\ufeffdate,v\r\n2025-01-01,1\r\n2025-01-02,2\r\n", csvdata.Options{}, []float64{1, 2}, "2025-01-01 2025-01-02"},
		{"old mac lines", "1\r2\r3", csvdata.Options{}, []float64{1, 2, 3}, ""},
		{"blank lines and trailing separators", "\ndate,v,\n2025-01-01,1,\n\n2025-01-02,2,\n,,\n", csvdata.Options{}, []float64{1, 2}, "2025-01-01 2025-01-02"},
		{"missing in many words", "v\n1\nNA\nn/a\nnull\n-\n6\n", csvdata.Options{}, []float64{1, nan, nan, nan, nan, 6}, ""},
		{"months", "month,v\nJan 2025,1\nFeb 2025,2\n", csvdata.Options{}, []float64{1, 2}, "2025-01-01 2025-02-01"},
		{"quarters", "q,v\n2024-Q4,1\n2025-Q1,2\n", csvdata.Options{}, []float64{1, 2}, "2024-10-01 2025-01-01"},
		{"years by name", "year,v\n2019,5\n2020,6\n", csvdata.Options{}, []float64{5, 6}, "2019-01-01 2020-01-01"},
		{"years by shape", "2019,5\n2020,6\n2021,9\n", csvdata.Options{}, []float64{5, 6, 9}, "2019-01-01 2021-01-01"},
		{"unix seconds by name", "timestamp,v\n1735689600,5\n1735693200,6\n", csvdata.Options{}, []float64{5, 6}, "2025-01-01 00:00 2025-01-01 01:00"},
		{"month first by the numbers", "date,v\n01/30/2025,1\n01/31/2025,2\n", csvdata.Options{}, []float64{1, 2}, "2025-01-30 2025-01-31"},
		{"day first by the order", "date,v\n01/01/2025,1\n01/02/2025,2\n01/03/2025,3\n", csvdata.Options{DateOrder: "dmy"}, []float64{1, 2, 3}, "2025-01-01 2025-03-01"},
		{"day first by evenness", "date,v\n05/01/2025,1\n06/01/2025,2\n07/01/2025,3\n08/01/2025,3\n09/01/2025,3\n10/01/2025,3\n11/01/2025,3\n12/01/2025,3\n13/01/2025,3\n", csvdata.Options{}, []float64{1, 2, 3, 3, 3, 3, 3, 3, 3}, "2025-01-05 2025-01-13"},
		{"row numbers", "1,10\n2,20\n3,30\n", csvdata.Options{}, []float64{10, 20, 30}, ""},
		{"column by name", "date,a,b\n2025-01-01,1,2\n2025-01-02,3,4\n", csvdata.Options{Column: "B"}, []float64{2, 4}, "2025-01-01 2025-01-02"},
		{"column by number", "date,a,b\n2025-01-01,1,2\n2025-01-02,3,4\n", csvdata.Options{Column: "2"}, []float64{1, 3}, "2025-01-01 2025-01-02"},
		{"text columns are passed over", "shop,date,v\nBerlin,2025-01-01,1\nBerlin,2025-01-02,2\n", csvdata.Options{}, []float64{1, 2}, "2025-01-01 2025-01-02"},
		{"value before date", "v,date\n1,2025-01-01\n2,2025-01-02\n", csvdata.Options{}, []float64{1, 2}, "2025-01-01 2025-01-02"},
		{"zones", "t,v\n2025-01-01T00:00:00+01:00,1\n2025-01-01T00:00:00Z,2\n", csvdata.Options{}, []float64{1, 2}, "2024-12-31 23:00 2025-01-01 00:00"},
		{"exponents", "v\n1e3\n-2.5E-1\n", csvdata.Options{}, []float64{1000, -0.25}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := csvdata.Read(strings.NewReader(c.text), c.options)
			if err != nil {
				t.Fatal(err)
			}
			if !same(s.Values, c.values) {
				t.Errorf("values %v, want %v", s.Values, c.values)
			}
			dates := ""
			if s.Dates != nil {
				dates = s.DateText(s.Dates[0]) + " " + s.DateText(s.Dates[len(s.Dates)-1])
			}
			if dates != c.dates {
				t.Errorf("dates %q, want %q", dates, c.dates)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		options    csvdata.Options
		line       int
		want       string
	}{
		{"empty", "", csvdata.Options{}, 0, "empty"},
		{"blank", " \n\n", csvdata.Options{}, 0, "empty"},
		{"header alone", "date,v\n", csvdata.Options{}, 0, "no data"},
		{"unsorted", "date,v\n2025-01-01,1\n2025-01-03,2\n2025-01-02,3\n", csvdata.Options{}, 4, "sort the file"},
		{"duplicate", "date,v\n2025-01-01,1\n\n2025-01-01,2\n", csvdata.Options{}, 4, "twice, here and in line 2"},
		{"bad number", "date,v\n2025-01-01,1\n2025-01-02,abc\n2025-01-03,2\n", csvdata.Options{}, 3, "not a number"},
		{"infinite", "v\n1\n1e999\n", csvdata.Options{}, 3, "not a number"},
		{"bad date", "date,v\n2025-01-01,1\n2025-01-02,1\n2025-13-01,2\n", csvdata.Options{}, 4, "not a date of the form"},
		{"missing date", "date,v\n2025-01-01,1\n,2\n2025-01-03,2\n", csvdata.Options{}, 3, "date is missing"},
		{"short line", "date,v\n2025-01-01,1\n2025-01-02\n2025-01-03,2\n", csvdata.Options{}, 3, "1 columns where other lines have 2"},
		{"several columns", "date,a,b\n2025-01-01,1,2\n2025-01-02,1,2\n", csvdata.Options{}, 0, `"a", "b"`},
		{"no such column", "date,a\n2025-01-01,1\n", csvdata.Options{Column: "z"}, 0, `there are "date", "a"`},
		{"the date as value", "date,a\n2025-01-01,1\n", csvdata.Options{Column: "date"}, 0, "are the same"},
		{"two columns of numbers", "1,5\n2,7\n9,3\n", csvdata.Options{}, 0, "--decimal comma"},
		{"unclear commas", "d;v\n2025-01-01;1,234\n2025-01-02;2,345\n", csvdata.Options{}, 0, "decimal comma or a thousands comma"},
		{"commas of two kinds", "d;v\n2025-01-01;1,234.5\n2025-01-02;2,5\n", csvdata.Options{}, 0, "some commas"},
		{"unclear dates", "d,v\n01/02/2025,1\n02/02/2025,2\n03/02/2025,3\n", csvdata.Options{}, 2, "--date-order"},
		{"all missing", "date,v\n2025-01-01,NA\n2025-01-02,\n", csvdata.Options{Column: "v"}, 0, "every value"},
		{"no numbers", "a,b\nx,y\n", csvdata.Options{}, 2, "not a number, and no column"},
		{"utf-16", "\xff\xfe1\x00", csvdata.Options{}, 0, "UTF-16"},
		{"binary", "1\n2\x00\n", csvdata.Options{}, 2, "zero byte"},
		{"open quote", "date,v\n2025-01-01,\"1\n", csvdata.Options{}, 2, "quotation marks"},
		{"too many rows", "1\n2\n3\n4\n", csvdata.Options{MaxRows: 2}, 4, "more than 2 rows"},
		{"bad option", "1\n", csvdata.Options{Decimal: "dot"}, 0, "point or comma"},
		{"bad order", "2025-01-01,1\n", csvdata.Options{DateOrder: "ymd"}, 0, "dmy or mdy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := csvdata.Read(strings.NewReader(c.text), c.options)
			var e *csvdata.Error
			if !errors.As(err, &e) || e.Line != c.line || !strings.Contains(e.Problem, c.want) {
				t.Fatalf("got %v (%+v), want line %d and %q", err, e, c.line, c.want)
			}
		})
	}
}

func TestTimestampsAreWrittenAsTheAPIReadsThem(t *testing.T) {
	t.Parallel()
	s, err := csvdata.Read(strings.NewReader("t,v\n2025-01-01 10:00,1\n2025-01-01 11:00,2\n"), csvdata.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Timestamps(), []string{"2025-01-01T10:00:00Z", "2025-01-01T11:00:00Z"}; !reflect.DeepEqual(got, want) {
		t.Fatalf("%v", got)
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"date,v\n2025-01-01,1\n2025-01-02,2\n", "1;2\n3;4,5\n", "\ufeffa\tb\r\n01/02/2025\t$1,000.00\r\n", "\"a\nb\",1\n", "1,234\n", "(5)%\n", "2025-Q1|−3\n", "1.234.567;x\n",
	} {
		f.Add(s, "", "", "")
	}
	f.Add("1,5\n2,5\n", "1", "comma", "dmy")
	f.Fuzz(func(t *testing.T, text, column, decimal, order string) {
		s, err := csvdata.Read(strings.NewReader(text), csvdata.Options{Column: column, Decimal: decimal, DateOrder: order, MaxRows: 1000})
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an error without words")
			}
			return
		}
		if len(s.Values) == 0 || len(s.Values) > 1001 || len(s.Lines) != len(s.Values) || s.Dates != nil && len(s.Dates) != len(s.Values) {
			t.Fatalf("%d values, %d lines, %d dates", len(s.Values), len(s.Lines), len(s.Dates))
		}
		missing := 0
		for i, v := range s.Values {
			if math.IsInf(v, 0) {
				t.Fatalf("value %d is infinite", i)
			}
			if math.IsNaN(v) {
				missing++
			}
			if i > 0 && s.Lines[i] <= s.Lines[i-1] {
				t.Fatalf("lines %v", s.Lines)
			}
			if i > 0 && s.Dates != nil && !s.Dates[i].After(s.Dates[i-1]) {
				t.Fatalf("dates %v", s.Dates)
			}
		}
		if missing != s.Missing || missing == len(s.Values) {
			t.Fatalf("%d missing, said %d of %d", missing, s.Missing, len(s.Values))
		}
		for i, stamp := range s.Timestamps() {
			if _, err := time.Parse(time.DateOnly, stamp); err != nil {
				if _, err := time.Parse(time.RFC3339, stamp); err != nil {
					t.Fatalf("timestamp %d: %v", i, err)
				}
			}
		}
	})
}
