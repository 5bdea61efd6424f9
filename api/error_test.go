package api_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/omni-run/omni/api"
)

func TestAnErrorDoesNotRepeatABody(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 1_000_000)
	raw, err := json.Marshal(api.Unprocessable("wrong_type", "got %s", long).At(long, "is %s", long).Body("r"))
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) > 3000 || !utf8.Valid(raw) {
		t.Fatalf("%d bytes", len(raw))
	}
	whole := api.Unprocessable("too_short", "has 2 points").At("series[1]", "is NaN").Body("r")
	if whole.Message != "has 2 points" || whole.Details[0] != (api.Detail{Field: "series[1]", Problem: "is NaN"}) {
		t.Fatalf("%+v", whole)
	}
}
