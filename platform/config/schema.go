package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// A node is what may stand at one place of the configuration: a group of known keys (a struct), a
// table of named entries (a map), or a leaf.
type node struct {
	group  map[string]*node // fixed keys
	order  []string         // of group, as declared
	table  *node            // what every entry of a table looks like
	leaf   reflect.Type     // never a pointer
	doc    string
	secret bool
}

// entry stands for the name of a table's entry in the key of a flag or a reference entry.
const entry = "<name>"

var (
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	revealer        = reflect.TypeFor[interface{ Reveal() string }]()
	duration        = reflect.TypeFor[time.Duration]()
)

// deepest bounds the nesting of a section's type, so that a recursive one is refused.
const deepest = 16

func newNode(t reflect.Type, path string, depth int) (*node, error) {
	if depth > deepest {
		return nil, fmt.Errorf("config: %s: %s nests too deep", path, t)
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case isLeaf(t):
		return &node{leaf: t, secret: isSecret(t)}, nil
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String:
		elem, err := newNode(t.Elem(), join(path, entry), depth+1)
		return &node{table: elem}, err
	case t.Kind() == reflect.Struct:
		return newGroup(t, path, depth)
	}
	return nil, fmt.Errorf("config: %s: a %s cannot be configured", path, t)
}

func newGroup(t reflect.Type, path string, depth int) (*node, error) {
	n := &node{group: map[string]*node{}}
	for f := range t.Fields() {
		key := f.Tag.Get("koanf")
		switch {
		case !f.IsExported() || key == "-":
			continue
		case key == "" || f.Anonymous || strings.ContainsAny(key, ".,"):
			return nil, fmt.Errorf("config: %s: field %s of %s needs a plain koanf tag", path, f.Name, t)
		case n.group[key] != nil:
			return nil, fmt.Errorf("config: %s: %s declares key %q twice", path, t, key)
		}
		child, err := newNode(f.Type, join(path, key), depth+1)
		if err != nil {
			return nil, err
		}
		child.doc = f.Tag.Get("doc")
		n.group[key] = child
		n.order = append(n.order, key)
	}
	return n, nil
}

func isLeaf(t reflect.Type) bool {
	if reflect.PointerTo(t).Implements(textUnmarshaler) {
		return true
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	case reflect.Slice:
		return t.Elem().Kind() != reflect.Slice && isLeaf(t.Elem())
	}
	return false
}

// isList is false for slices that read themselves from text, such as net.IP.
func isList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && !reflect.PointerTo(t).Implements(textUnmarshaler)
}

func isSecret(t reflect.Type) bool {
	return t.Implements(revealer) || isList(t) && t.Elem().Implements(revealer)
}

// child finds what may stand under key, or nil.
func (n *node) child(key string) *node {
	switch {
	case n.group != nil:
		return n.group[key]
	case n.table != nil && key != "" && !strings.Contains(key, "."):
		return n.table
	}
	return nil
}

// find follows path as far as it goes. It returns the node reached and how many segments led to it.
func (n *node) find(path []string) (*node, int) {
	for i, key := range path {
		next := n.child(key)
		if next == nil {
			return n, i
		}
		n = next
	}
	return n, len(path)
}

// leaves calls f for every leaf below n in a fixed order, with entry in the place of table names.
func (n *node) leaves(path string, f func(key string, leaf *node)) {
	switch {
	case n.leaf != nil:
		f(path, n)
	case n.table != nil:
		n.table.leaves(join(path, entry), f)
	default:
		for _, key := range n.order {
			n.group[key].leaves(join(path, key), f)
		}
	}
}

// schema joins the sections under one root.
func schema(sections []Section) (*node, error) {
	root := &node{group: map[string]*node{}}
	for _, s := range sections {
		if root.group[s.key] != nil {
			return nil, fmt.Errorf("config: section %q is declared twice", s.key)
		}
		n, err := newNode(s.defaults.Type(), s.key, 0)
		if err != nil {
			return nil, err
		}
		if n.leaf != nil {
			return nil, fmt.Errorf("config: section %q: a %s is a single value, not a section", s.key, n.leaf)
		}
		root.group[s.key] = n
		root.order = append(root.order, s.key)
	}
	slices.Sort(root.order)
	return root, nil
}
