package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.com/baton/pkg/secret"
)

// Entry documents one key.
type Entry struct {
	Key     string // with <name> for the entries of a table: jobs.<name>.every
	Type    string // duration, text, number, bool or list
	Default string // as it would be written; empty when there is none
	Doc     string // one line
	Secret  bool
}

// Reference lists every key of the sections, sorted.
func Reference(sections []Section) ([]Entry, error) {
	root, err := schema(sections)
	if err != nil {
		return nil, err
	}
	defaults := defaultsLayer(sections)
	var entries []Entry
	root.leaves("", func(key string, n *node) {
		entries = append(entries, Entry{
			Key: key, Type: typeName(n.leaf), Default: defaults.text(key, n), Doc: n.doc, Secret: n.secret,
		})
	})
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
	return entries, nil
}

// text is the value at key as a reader would write it.
func (l layer) text(key string, n *node) string {
	var at any = l.tree
	for _, k := range strings.Split(key, ".") {
		tree, ok := at.(map[string]any)
		if !ok {
			return ""
		}
		at = tree[k]
	}
	if at == nil {
		return ""
	}
	return Text(n.visible(at))
}

// Text writes a value the way the environment and flags take it.
func Text(value any) string {
	items, ok := value.([]any)
	if !ok {
		if value == nil {
			return ""
		}
		return fmt.Sprint(value)
	}
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = fmt.Sprint(item)
	}
	return strings.Join(texts, ",")
}

// visible hides a secret.
func (n *node) visible(value any) any {
	if !n.secret {
		return value
	}
	return secret.String(Text(value)).String()
}

// Setting is one key of a loaded configuration.
type Setting struct {
	Key    string `json:"key"`
	Value  any    `json:"value"` // text, bool, number or list; null when unset; secrets redacted
	Source string `json:"source"`
}

// Effective lists every key with its value and the layer it came from, sorted by key.
func (v *Values) Effective() []Setting {
	var settings []Setting
	v.effective(v.root, "", v.merged.Raw(), &settings)
	slices.SortFunc(settings, func(a, b Setting) int { return strings.Compare(a.Key, b.Key) })
	return settings
}

func (v *Values) effective(n *node, path string, value any, out *[]Setting) {
	tree, _ := value.(map[string]any)
	switch {
	case n.leaf != nil:
		source := v.origin[path]
		if source == "" {
			source = "default"
		}
		*out = append(*out, Setting{Key: path, Value: n.visible(value), Source: source})
	case n.table != nil:
		for _, name := range slices.Sorted(maps.Keys(tree)) {
			v.effective(n.table, join(path, name), tree[name], out)
		}
	default:
		for _, key := range n.order {
			v.effective(n.group[key], join(path, key), tree[key], out)
		}
	}
}
