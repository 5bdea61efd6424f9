// Package schema checks documents against published schemas the strict way: a
// field that the schema does not know is a fault, because on the platform it
// would be dropped in silence or refused.
package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Set is a group of schemas that refer to each other, and the one to begin at.
type Set struct {
	Root    string           `json:"root"`
	Schemas map[string]*Node `json:"schemas"`
}

// Node is the part of JSON Schema that API descriptions use.
type Node struct {
	Ref                  string           `json:"$ref,omitempty"`
	Type                 string           `json:"type,omitempty"`
	Format               string           `json:"format,omitempty"`
	Properties           map[string]*Node `json:"properties,omitempty"`
	AdditionalProperties *Node            `json:"additionalProperties,omitempty"`
	Items                *Node            `json:"items,omitempty"`
	Enum                 []any            `json:"enum,omitempty"`
	Required             []string         `json:"required,omitempty"`
	PreserveUnknown      bool             `json:"x-kubernetes-preserve-unknown-fields,omitempty"`
	IntOrString          bool             `json:"x-kubernetes-int-or-string,omitempty"`
}

// Load reads a set.
func Load(raw []byte) (*Set, error) {
	var s Set
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("reading a schema: %w", err)
	}
	if s.Schemas[s.Root] == nil {
		return nil, fmt.Errorf("the schema %q is not in its own set", s.Root)
	}
	return &s, nil
}

// Check returns every fault of a document, which is what encoding/json makes
// of one.
func (s *Set) Check(document any) error {
	var c checker
	c.set = s
	c.walk(s.Root, s.Schemas[s.Root], document)
	return errors.Join(c.faults...)
}

type checker struct {
	set    *Set
	faults []error
}

func (c *checker) fault(at, format string, args ...any) {
	c.faults = append(c.faults, fmt.Errorf("%s: "+format, append([]any{at}, args...)...))
}

func (c *checker) walk(at string, n *Node, v any) {
	if n.Ref != "" {
		next := c.set.Schemas[n.Ref]
		if next == nil {
			c.fault(at, "the schema refers to %q, which is not there", n.Ref)
			return
		}
		n = next
	}
	if v == nil {
		c.fault(at, "is null")
		return
	}
	if n.IntOrString {
		return
	}
	if len(n.Enum) > 0 && !slices.Contains(n.Enum, v) {
		c.fault(at, "%v is not one of %v", v, n.Enum)
	}
	switch n.Type {
	case "object":
		c.object(at, n, v)
	case "array":
		list, ok := v.([]any)
		if !ok {
			c.fault(at, "is no list")
			return
		}
		for i, item := range list {
			c.walk(fmt.Sprintf("%s[%d]", at, i), n.Items, item)
		}
	default:
		c.scalar(at, n, v)
	}
}

func (c *checker) object(at string, n *Node, v any) {
	m, ok := v.(map[string]any)
	if !ok {
		c.fault(at, "is no object")
		return
	}
	for _, name := range n.Required {
		if _, there := m[name]; !there {
			c.fault(at, "lacks %s", name)
		}
	}
	for name, value := range m {
		switch known := n.Properties[name]; {
		case known != nil:
			c.walk(at+"."+name, known, value)
		case n.AdditionalProperties != nil:
			c.walk(at+"."+name, n.AdditionalProperties, value)
		case n.PreserveUnknown, len(n.Properties) == 0: // a free object, such as a CRD's metadata
		default:
			c.fault(at, "has no field %q", name)
		}
	}
}

func (c *checker) scalar(at string, n *Node, v any) {
	switch n.Type {
	case "string":
		if _, ok := v.(string); !ok && !strings.HasPrefix(n.Format, "int") {
			c.fault(at, "%v must be a string: quote it", v)
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			c.fault(at, "%v must be true or false", v)
		}
	case "integer":
		if f, ok := v.(float64); !ok || f != math.Trunc(f) {
			c.fault(at, "%v must be a whole number", v)
		}
	case "number":
		if _, ok := v.(float64); !ok {
			c.fault(at, "%v must be a number", v)
		}
	}
}
