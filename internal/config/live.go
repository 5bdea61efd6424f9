package config

import (
	"reflect"
	"slices"
	"strings"
)

// live are the fields that a running gateway takes anew; all others it reads
// at its start only.
var live = map[string]bool{
	"trusted_proxies": true, "cors": true, "log.level": true, "log.access": true,
	"limits.max_body": true, "limits.json_depth": true, "limits.public_per_minute": true,
	"hold": true, "balance": true, "cache": true, "tiers": true, "workers": true, "routes": true, "no_default_routes": true,
}

// NeedsRestart names, sorted, the fields in which c differs from the
// configuration that is running and which are read at the start only.
func (c Config) NeedsRestart(running Config) []string {
	var out []string
	differing("", reflect.ValueOf(running), reflect.ValueOf(c), &out)
	slices.Sort(out)
	return slices.Compact(out)
}

// differing walks two structs side by side.
func differing(prefix string, a, b reflect.Value, out *[]string) {
	for i := range a.NumField() {
		field := a.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if name == "-" || name == "" {
			name = strings.ToLower(field.Name)
		}
		name = prefix + name
		switch {
		case live[name] || reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()):
		case field.Type.Kind() == reflect.Struct:
			differing(name+".", a.Field(i), b.Field(i), out)
		default:
			*out = append(*out, name)
		}
	}
}

func byName(workers []Worker) map[string]Worker {
	out := make(map[string]Worker, len(workers))
	for _, w := range workers {
		out[w.Name] = w
	}
	return out
}

// WorkersChanged compares the workers of two configurations: those that are
// new or differ in anything, secrets included, and the names of those that are
// gone.
func (c Config) WorkersChanged(running Config) (put []Worker, removed []string) {
	before, after := byName(running.Workers), byName(c.Workers)
	// A connection's time-outs are its worker's.
	all := timesChanged(running.Balance, c.Balance)
	for _, w := range c.Workers {
		old, known := before[w.Name]
		if !known || !reflect.DeepEqual(old, w) || all {
			put = append(put, w)
		}
	}
	for _, w := range running.Workers {
		if _, kept := after[w.Name]; !kept {
			removed = append(removed, w.Name)
		}
	}
	return put, removed
}

func timesChanged(a, b Balance) bool {
	return a.ConnectTimeout != b.ConnectTimeout || a.HeaderTimeout != b.HeaderTimeout || a.BodyTimeout != b.BodyTimeout
}
