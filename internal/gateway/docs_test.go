package gateway

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentedMetricsExist: docs/operate.md names no series that the code
// does not have.
func TestDocumentedMetricsExist(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, file := range []string{"collector.go", "traces.go", "../edge/metrics.go", "../pool/metrics.go", "../worker/metrics.go"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(raw)
	}
	names := regexp.MustCompile("`((?:api|omni_gateway|model|worker|cache)_[a-z_]+)").FindAllStringSubmatch(string(doc), -1)
	if len(names) < 20 {
		t.Fatalf("only %d series found in the documentation", len(names))
	}
	for _, n := range names {
		if !strings.Contains(source.String(), `"`+n[1]+`"`) {
			t.Errorf("%s is documented but not in the code", n[1])
		}
	}
}
