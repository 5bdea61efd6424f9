package docscheck

import (
	"fmt"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/config"
)

// otherYAML begins files that are not the gateway's configuration.
var otherYAML = regexp.MustCompile(`(?m)^(apiVersion|services|groups|steps):`)

// TestConfigurationsAreValid: each piece of configuration in the documentation
// is taken by the gateway, checks across fields included.
func TestConfigurationsAreValid(t *testing.T) {
	t.Parallel()
	pages, err := commandPages()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, name := range pages {
		for _, b := range Parse(text(t, name)).Blocks {
			raw := strings.Join(b.Lines, "\n")
			if b.Language != "yaml" || otherYAML.MatchString(raw) {
				continue
			}
			checked++
			c, err := config.Parse([]byte(raw))
			if err == nil {
				err = c.WithDefaults().Validate(inCluster)
			}
			if err != nil {
				t.Errorf("%s:%d: %v", name, b.Line, err)
			}
		}
	}
	if checked == 0 {
		t.Error("no configuration was found")
	}
}

// inCluster is what a pod's environment says of its cluster.
func inCluster(name string) string {
	return map[string]string{"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}[name]
}

var (
	fieldPattern = regexp.MustCompile("`([a-z_]+)((?:\\[\\]|\\.[a-z_*]+)+)(?::[^`]*)?`")
	// answerFields are fields of answers that share their first word with the
	// configuration.
	answerFields = []string{"workers.asleep", "workers.estimated_start_seconds", "workers.wake_failing"}
)

// TestNamedFieldsExist: a field of the configuration that the documentation
// names by its path is one.
func TestNamedFieldsExist(t *testing.T) {
	t.Parallel()
	pages, err := commandPages()
	if err != nil {
		t.Fatal(err)
	}
	roots := []reflect.Type{reflect.TypeFor[config.Config](), reflect.TypeFor[config.Route](), reflect.TypeFor[config.Worker]()}
	checked := 0
	for _, name := range pages {
		if strings.HasPrefix(name, "docs/models/") {
			continue // they speak of requests, whose fields have some of the same names
		}
		for i, line := range strings.Split(text(t, name), "\n") {
			for _, m := range fieldPattern.FindAllStringSubmatch(line, -1) {
				named := m[1] + m[2]
				if slices.Contains(answerFields, named) || slices.Contains([]string{".db", ".json", ".yaml", ".md", ".log"}, path.Ext(named)) {
					continue
				}
				first := func(r reflect.Type) bool { return fieldOf(r, m[1]) != nil }
				if !slices.ContainsFunc(roots, first) {
					continue
				}
				checked++
				steps := append([]string{m[1]}, strings.FieldsFunc(m[2], func(r rune) bool { return strings.ContainsRune("[].", r) })...)
				if !slices.ContainsFunc(roots, func(r reflect.Type) bool { return leads(r, steps) }) {
					t.Errorf("%s:%d: the configuration has no %s", name, i+1, named)
				}
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d names of fields were found", checked)
	}
}

// leads reports whether the steps lead to a field below a type.
func leads(from reflect.Type, steps []string) bool {
	for _, step := range steps {
		for from.Kind() == reflect.Slice || from.Kind() == reflect.Pointer {
			from = from.Elem()
		}
		if from.Kind() == reflect.Map {
			from = from.Elem()
			continue
		}
		next := fieldOf(from, step)
		if next == nil {
			return false
		}
		from = next
	}
	return true
}

// fieldOf returns the type of the field with a YAML name, or nil.
func fieldOf(t reflect.Type, name string) reflect.Type {
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if tag, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); tag == name && tag != "" {
			return f.Type
		}
	}
	return nil
}

func ExampleAnchor() {
	fmt.Println(Anchor("What is `kept`, and *where*"))
	// Output: what-is-kept-and-where
}
