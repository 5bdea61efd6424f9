package reason

import (
	"sort"
	"strings"

	"github.com/omni-run/omni/internal/tool/catalog"
)

// numericRows keeps the numbers of rows, without identifiers.
func numericRows(o *object) []any {
	rows := catalog.Objects(o.value)
	out := make([]any, len(rows))
	for i, row := range rows {
		kept := map[string]any{}
		for name, v := range row {
			if _, ok := v.(float64); ok && name != "id" {
				kept[name] = v
			}
		}
		out[i] = kept
	}
	return out
}

// features are the scalars of the context that describe a user.
func (u *understanding) features() map[string]any {
	out := map[string]any{}
	put := func(path string, v any) {
		name := path[strings.LastIndexByte(path, '.')+1:]
		if !isOneOf(name, userKeys) && !isOneOf(name, horizonKeys) && name != "limit" {
			if _, known := out[name]; !known {
				out[name] = v
			}
		}
	}
	for _, path := range sortedKeys(u.facts.scalars) {
		put(path, u.facts.scalars[path])
	}
	for _, path := range sortedKeys(u.facts.strings) {
		put(path, u.facts.strings[path])
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// preferences are the lists a recommendation can use.
func (u *understanding) preferences() map[string]any {
	out := map[string]any{}
	for _, o := range u.facts.of(kindTexts) {
		name := o.name[strings.LastIndexByte(o.name, '.')+1:]
		if name == "recent_views" || name == "preferences" || name == "exclude" {
			out[name] = o.value
		}
	}
	if q := u.facts.strings["query"]; q != "" {
		out["query"] = q
	}
	return out
}

// objective reads what a schedule is to be good at.
func (u *understanding) objective(clause string) string {
	if o := u.facts.strings["objective"]; o != "" {
		return o
	}
	lower := strings.ToLower(clause)
	switch {
	case strings.Contains(lower, "tard") || strings.Contains(lower, "deadline") || strings.Contains(lower, "late"):
		return "weighted_tardiness"
	case strings.Contains(lower, "cost") || strings.Contains(lower, "cheap"):
		return "cost"
	}
	return ""
}
