package reason

import "regexp"

// statistics are the words for each of Describe's results.
var statistics = []struct {
	words        *regexp.Regexp
	field, spoke string
}{
	{regexp.MustCompile(`(?i)\b(?:average|mean)\b`), "mean", "The mean is"},
	{regexp.MustCompile(`(?i)\bmedian\b`), "median", "The median is"},
	{regexp.MustCompile(`(?i)\b(?:sum|total|totals|add)\b`), "sum", "The sum is"},
	{regexp.MustCompile(`(?i)\b(?:max|maximum|highest|largest|peak|best)\b`), "max", "The maximum is"},
	{regexp.MustCompile(`(?i)\b(?:min|minimum|lowest|smallest|worst)\b`), "min", "The minimum is"},
	{regexp.MustCompile(`(?i)\bstandard deviation\b`), "std", "The standard deviation is"},
	{regexp.MustCompile(`(?i)\b(?:growth|grew|grown)\b`), "growth_percent", "The growth from first to last value, in percent, is"},
	{regexp.MustCompile(`(?i)\btrend\b`), "slope", "The trend a step is"},
}

// tellAsked says first what a clause names of a series' statistics.
func tellAsked(clause string, result map[string]any) string {
	text := ""
	for _, s := range statistics {
		if _, known := result[s.field].(float64); !known || !s.words.MatchString(clause) {
			continue
		}
		text += s.spoke + " " + number(result[s.field])
		if at, ok := result[s.field+"_index"]; ok {
			text += ", at index " + number(at)
		}
		text += ". "
	}
	return text
}
