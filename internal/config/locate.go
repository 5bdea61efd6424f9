package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

var (
	faultKey   = regexp.MustCompile(`^[a-z_]+(\.[a-z0-9_]+|\[\d+\])*`)
	faultRoute = regexp.MustCompile(`^routes\[\d+\] \(([A-Z]*) (\S*)\)((\.[a-z_]+)*)`)
	lastStep   = regexp.MustCompile(`(\.[^.\[]+|\[\d+\])$`)
)

// locate puts before each fault the line of the file that it is about, where
// that is known.
func locate(raw []byte, err error) error {
	several, ok := err.(interface{ Unwrap() []error }) // errors.Join made it
	file, broken := parser.ParseBytes(raw, 0)
	if !ok || broken != nil {
		return err
	}
	given, broken := Parse(raw)
	if broken != nil {
		return err
	}
	var out []error
	for _, fault := range several.Unwrap() {
		if line := lineOf(file, given, fault.Error()); line > 0 {
			fault = fmt.Errorf("line %d: %w", line, fault)
		}
		out = append(out, fault)
	}
	return errors.Join(out...)
}

// lineOf finds the line of the key that a fault begins with, or of the nearest
// one around it; 0 for none.
func lineOf(file *ast.File, given Config, fault string) int {
	key := faultKey.FindString(fault)
	if m := faultRoute.FindStringSubmatch(fault); m != nil {
		key = "" // the fault's index counts the built-in routes, too
		for i, r := range given.Routes {
			if r.Method == m[1] && r.Path == m[2] {
				key = "routes[" + strconv.Itoa(i) + "]" + m[3]
			}
		}
	}
	for key != "" {
		if path, err := yaml.PathString("$." + key); err == nil {
			if node, err := path.FilterFile(file); err == nil && node != nil {
				return node.GetToken().Position.Line
			}
		}
		shorter := lastStep.ReplaceAllString(key, "")
		if shorter == key || !strings.Contains(key, ".") && !strings.Contains(key, "[") {
			return 0
		}
		key = shorter
	}
	return 0
}
