package edge

import (
	"strings"
	"testing"
)

func TestNotANumberIsExplained(t *testing.T) {
	t.Parallel()
	for body, explained := range map[string]bool{
		`{"y":[1,NaN]}`: true, `{"y":[1,nan,2]}`: true, `{"y":[Infinity]}`: true, `{"y":[-Infinity]}`: true, `[-inf]`: true, `NaN`: true,
		`{"y":[1,nul]}`: false, `{nope`: false, `[1,`: false, `]`: false, `{"y":nanny}`: false, `x`: false, `-`: false,
	} {
		err := checkJSON([]byte(body), 64)
		if err == nil || strings.Contains(err.Error(), "send null") != explained {
			t.Errorf("%s: %v", body, err)
		}
	}
}
