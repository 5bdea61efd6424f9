package cost

import (
	"fmt"
	"strings"
)

// Markdown is the table of docs/costs.md: every design's month at several
// loads.
func Markdown(p *Prices) string {
	loads := []struct {
		name         string
		requests, ms float64
	}{
		{"100 k x 50 ms", 1e5, 50},
		{"1 M x 50 ms", 1e6, 50},
		{"1 M x 200 ms", 1e6, 200},
		{"10 M x 50 ms", 1e7, 50},
		{"10 M x 200 ms", 1e7, 200},
		{"100 M x 50 ms", 1e8, 50},
	}
	var b strings.Builder
	b.WriteString("| requests a month x worker time |")
	for _, e := range Estimates(p, DefaultLoad()) {
		b.WriteString(" " + e.Design + " |")
	}
	b.WriteString("\n|---|---:|---:|---:|---:|\n")
	for _, load := range loads {
		l := DefaultLoad()
		l.Requests, l.Milliseconds = load.requests, load.ms
		b.WriteString("| " + load.name + " |")
		for _, e := range Estimates(p, l) {
			fmt.Fprintf(&b, " %.2f |", e.USD())
		}
		b.WriteString("\n")
	}
	return b.String()
}
