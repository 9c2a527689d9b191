package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/spf13/pflag"
)

// DefaultFile is read from the working directory when it exists.
const DefaultFile = "config.yaml"

func (v *Values) report(p Problem) { v.problems = append(v.problems, p) }

func (v *Values) fileLayers(in Input) []layer {
	if in.ReadFile == nil {
		return nil
	}
	var layers []layer
	if data, err := in.ReadFile(DefaultFile); !errors.Is(err, fs.ErrNotExist) {
		layers = append(layers, v.fileLayer(DefaultFile, data, err))
	}
	for _, path := range in.Files {
		data, err := in.ReadFile(path)
		layers = append(layers, v.fileLayer("--config "+path, data, err))
	}
	return layers
}

func (v *Values) fileLayer(name string, data []byte, err error) layer {
	l := layer{tree: map[string]any{}, origin: map[string]string{}}
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err // the name of the layer holds the path already
		}
		v.report(Problem{Layer: name, Rule: err.Error()})
		return l
	}
	raw, err := parseYAML(data)
	if err != nil {
		v.report(Problem{Layer: name, Rule: err.Error()})
		return l
	}
	if tree, ok := v.approve(v.root, raw, "", name, l.origin).(map[string]any); ok {
		l.tree = tree
	}
	return l
}

// parseYAML keeps to itself what the library would quote: text that it could not place may be a secret.
// Its other complaints, about syntax and keys given twice, hold no values.
func parseYAML(data []byte) (map[string]any, error) {
	raw, err := yaml.Parser().Unmarshal(data)
	switch {
	case err == nil:
		return raw, nil
	case strings.Contains(err.Error(), "cannot unmarshal"):
		return nil, errors.New("not a mapping of keys to values")
	case strings.Contains(err.Error(), "unknown anchor"):
		return nil, errors.New("an alias without its anchor; text that begins with '*' needs quotes")
	}
	return nil, errors.New(strings.Join(strings.Fields(err.Error()), " "))
}

// approve checks a tree that came from YAML against the schema and returns it in plain form. What
// is wrong is reported and left out.
func (v *Values) approve(n *node, raw any, path, from string, origin map[string]string) any {
	if n.leaf != nil {
		value, err := convert(raw, n.leaf)
		if err != nil {
			v.report(Problem{Key: path, Value: n.shown(raw), Rule: err.Error(), Layer: from})
			return nil
		}
		plain, _ := encode(value)
		origin[path] = from
		return plain
	}
	tree, ok := v.mapping(raw, path, from)
	if !ok {
		return nil
	}
	out := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		at := join(path, key)
		child := n.child(key)
		if child == nil {
			v.report(Problem{Key: at, Rule: n.unknown(key, at, v.root), Layer: from})
			continue
		}
		if value := v.approve(child, tree[key], at, from, origin); value != nil {
			out[key] = value
		}
	}
	return out
}

func (v *Values) mapping(raw any, path, from string) (map[string]any, bool) {
	switch tree := raw.(type) {
	case nil: // a section whose keys are all commented out
		return nil, true
	case map[string]any:
		return tree, true
	case map[any]any:
		v.report(Problem{Key: path, Rule: "has a key that is not text", Layer: from})
		return nil, false
	}
	v.report(Problem{Key: path, Rule: "must be a mapping of keys to values", Layer: from})
	return nil, false
}

// shown is what a message may tell of a value.
func (n *node) shown(raw any) any {
	switch raw.(type) {
	case map[string]any, map[any]any, nil:
		return nil
	}
	if n.secret {
		return nil
	}
	return raw
}

// EnvPrefix is how the names of a service's environment variables begin.
func EnvPrefix(service string) string {
	return strings.ToUpper(strings.ReplaceAll(service, "-", "_")) + "_"
}

// EnvName is the environment variable of a key.
func EnvName(service, key string) string {
	return EnvPrefix(service) + strings.ToUpper(strings.ReplaceAll(key, ".", "__"))
}

// serviceLink matches the variables that Kubernetes sets in every container for every Service of the
// namespace. A Service is likely to be named after what it serves, so they begin like ours.
var serviceLink = regexp.MustCompile(`^([A-Z0-9_]+_)?(SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

func (v *Values) envLayer(in Input) layer {
	l := layer{origin: map[string]string{}}
	prefix := EnvPrefix(in.Service)
	provider := env.Provider(".", env.Opt{
		Prefix:      prefix,
		EnvironFunc: func() []string { return in.Env },
		TransformFunc: func(name, text string) (string, any) {
			rest := strings.TrimPrefix(name, prefix)
			if !strings.Contains(rest, "__") && serviceLink.MatchString(rest) {
				return "", nil
			}
			from := "environment " + name
			if rest != strings.ToUpper(rest) {
				v.report(Problem{Layer: from, Rule: "must be in upper case"})
				return "", nil
			}
			path := strings.Split(strings.ToLower(rest), "__")
			n, depth := v.root.find(path)
			if depth < len(path) || n.leaf == nil {
				v.report(Problem{Layer: from, Rule: v.unknownEnv(in.Service, name, path, n, depth)})
				return "", nil
			}
			return v.fromText(strings.Join(path, "."), text, from, n, l.origin)
		},
	})
	l.tree, _ = provider.Read() // reads what is in memory: there is nothing to fail
	return l
}

func (v *Values) flagLayer(in Input) layer {
	l := layer{tree: map[string]any{}, origin: map[string]string{}}
	if in.Flags == nil {
		return l
	}
	provider := posflag.ProviderWithFlag(in.Flags, ".", nil, func(f *pflag.Flag) (string, any) {
		value, ours := f.Value.(*flag)
		if !ours || !f.Changed {
			return "", nil
		}
		return v.fromText(f.Name, value.text, "flag --"+f.Name, value.node, l.origin)
	})
	l.tree, _ = provider.Read()
	return l
}

// fromText parses the text of a leaf for a koanf provider; an empty key makes it leave the leaf out.
func (v *Values) fromText(key, text, from string, n *node, origin map[string]string) (string, any) {
	value, err := parse(text, n.leaf)
	if err != nil {
		v.report(Problem{Key: key, Value: n.shown(text), Rule: ruleOf(err, n), Layer: from})
		return "", nil
	}
	plain, _ := encode(value)
	origin[key] = from
	return key, plain
}

// ruleOf keeps the details of a parser's complaint about a secret to itself: they quote it.
func ruleOf(err error, n *node) string {
	if n.secret {
		return fmt.Sprint("must be ", describe(n.leaf))
	}
	return err.Error()
}
