package cost_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/cli/cost"
)

var update = flag.Bool("update", false, "write the table of docs/costs.md anew")

func TestDocsTable(t *testing.T) {
	const path, begin, end = "../../../docs/costs.md", "run it with -update -->\n", "<!-- end -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	was, tail, found := strings.Cut(rest, end)
	if !ok || !found {
		t.Fatal("the marks are gone")
	}
	want := cost.Markdown(prices(t))
	if was == want {
		return
	}
	if !*update {
		t.Fatalf("docs/costs.md has\n%s, the code says\n%s: run the test with -update", was, want)
	}
	if err := os.WriteFile(path, []byte(head+begin+want+end+tail), 0o644); err != nil { //nolint:gosec // a document everybody may read
		t.Fatal(err)
	}
}
