// Package config reads the configuration of a service from layers, strictly.
//
// Every part of a service declares a [Section]: a key and a struct that holds the defaults. [Load]
// merges, later over earlier,
//
//	Go defaults → config.yaml → --config FILE … → environment → flags
//
// and decodes every section. Maps are merged, lists are replaced. In the environment a key is
// written in upper case after the service's name, with two underscores between levels:
// BILLING_ELECTION__TTL=10s is election.ttl of the service billing.
//
// The invariant is that nothing is ignored. A key that no section knows, a value of another type, a
// number without a unit where a duration is wanted: each is a [Problem], and all of them are reported
// at once. Load is a pure function of its [Input]; it reads no global state, and no input makes it
// panic. Nothing here watches for changes: a service is restarted to be configured anew.
//
// koanf holds and merges the layers. The checks stand in front of it, layer by layer, because after
// merging nobody can tell which layer a bad value came from.
package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// Input is everything a configuration is made of.
type Input struct {
	// Service is the name of the service; in upper case and with an underscore it begins the names
	// of its environment variables.
	Service string
	// Files are the paths given with --config; each must exist. config.yaml is read before them
	// when it exists.
	Files []string
	// ReadFile reads config.yaml and Files, as os.ReadFile does; nil means there are no files.
	ReadFile func(path string) ([]byte, error)
	// Env holds "NAME=value" as os.Environ returns it.
	Env []string
	// Flags is what Flags returned, parsed; nil means there are none.
	Flags *pflag.FlagSet
	// Sections are the declared sections, in any order.
	Sections []Section
}

// Section declares a part of the configuration: a key at the top level and what may stand below it.
type Section struct {
	key      string
	defaults reflect.Value
}

// NewSection declares the section key, whose values are decoded into a T that starts out as
// defaults. T is a struct, or a map from names to structs or single values.
//
// Every exported field carries a koanf tag with its key (or "-") and a doc tag with one line for the
// reader of the reference; it may carry a validate tag. When T, or the entries of a map T, have a
// method Validate() error, it is called with the decoded value; the Problems it returns, joined with
// errors.Join, have keys within the section.
func NewSection[T any](key string, defaults T) Section {
	return Section{key: key, defaults: reflect.ValueOf(&defaults).Elem()}
}

// Key returns the key of the section.
func (s Section) Key() string { return s.key }

// Values is a loaded configuration. It does not change, and is safe for concurrent use.
type Values struct {
	root     *node
	merged   *koanf.Koanf
	origin   map[string]string // layer of every leaf that is set
	decoded  map[string]reflect.Value
	problems Problems
}

var serviceName = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)

// Load reads the configuration. When it is not valid the error is a Problems with everything that is
// wrong; the Values returned with it still serve the sections without a problem.
// Any other error means that the sections themselves are declared wrongly.
func Load(in Input) (*Values, error) {
	if !serviceName.MatchString(in.Service) {
		return nil, fmt.Errorf("config: service name %q: want lower-case letters, digits, '_' or '-'", in.Service)
	}
	root, err := schema(in.Sections)
	if err != nil {
		return nil, err
	}
	v := &Values{
		root:    root,
		merged:  koanf.New("."),
		origin:  map[string]string{},
		decoded: map[string]reflect.Value{},
	}
	layers := []layer{defaultsLayer(in.Sections)}
	layers = append(layers, v.fileLayers(in)...)
	layers = append(layers, v.envLayer(in), v.flagLayer(in))
	for _, l := range layers {
		if err := v.merge(l); err != nil {
			return nil, err
		}
	}
	for _, s := range in.Sections {
		if err := v.decode(s); err != nil {
			return nil, err
		}
	}
	return v, v.problems.orNil()
}

// layer is a tree of plain values that the schema has approved, and where each leaf comes from.
type layer struct {
	tree   map[string]any
	origin map[string]string
}

func (v *Values) merge(l layer) error {
	if err := v.merged.Load(confmap.Provider(l.tree, ""), nil); err != nil {
		return fmt.Errorf("config: merge: %w", err)
	}
	for key, from := range l.origin {
		v.origin[key] = from
	}
	return nil
}

func defaultsLayer(sections []Section) layer {
	l := layer{tree: map[string]any{}, origin: map[string]string{}}
	for _, s := range sections {
		if tree := l.plain(s.defaults, s.key); tree != nil {
			l.tree[s.key] = tree
		}
	}
	return l
}

// plain turns a Go value into a tree of plain values.
func (l layer) plain(v reflect.Value, path string) any {
	t := v.Type()
	if t.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v, t = v.Elem(), t.Elem()
	}
	tree := map[string]any{}
	switch {
	case isLeaf(t):
		value, ok := encode(v)
		if !ok {
			return nil
		}
		l.origin[path] = "default"
		return value
	case t.Kind() == reflect.Map:
		for _, key := range v.MapKeys() {
			tree[key.String()] = l.plain(v.MapIndex(key), join(path, key.String()))
		}
	default:
		for f, value := range v.Fields() {
			key := f.Tag.Get("koanf")
			if !f.IsExported() || key == "-" {
				continue
			}
			if child := l.plain(value, join(path, key)); child != nil {
				tree[key] = child
			}
		}
	}
	return tree
}

// decode fills the section's type from the merged layers and validates it.
func (v *Values) decode(s Section) error {
	out := reflect.New(s.defaults.Type())
	out.Elem().Set(s.defaults) // keeps what is not configurable
	err := v.merged.UnmarshalWithConf(s.key, out.Interface(), koanf.UnmarshalConf{
		DecoderConfig: &mapstructure.DecoderConfig{
			DecodeHook:  decodeLeaf,
			ErrorUnused: true,
			ZeroFields:  true, // or a list would be laid over a longer default, item by item
		},
	})
	if err != nil {
		return fmt.Errorf("config: %s: %w", s.key, err)
	}
	v.decoded[s.key] = out.Elem()
	v.problems = append(v.problems, v.validate(s.key)...)
	return nil
}

func decodeLeaf(from, to reflect.Value) (any, error) {
	if to.Kind() == reflect.Pointer || !isLeaf(to.Type()) {
		return from.Interface(), nil
	}
	v, err := convert(from.Interface(), to.Type())
	if err != nil {
		return nil, err
	}
	return v.Interface(), nil
}

// Get returns the decoded section. It fails when the section was not declared with type T, and
// with the section's Problems when it has any.
func Get[T any](v *Values, key string) (T, error) {
	var zero T
	section, ok := v.decoded[key]
	if !ok {
		return zero, fmt.Errorf("config: no section %q", key)
	}
	if own := v.problemsIn(key); len(own) > 0 {
		return zero, own.orNil()
	}
	typed, ok := section.Interface().(T)
	if !ok {
		return zero, fmt.Errorf("config: section %q is a %s, not a %T", key, section.Type(), zero)
	}
	return typed, nil
}

func (v *Values) problemsIn(section string) Problems {
	var own Problems
	for _, p := range v.problems {
		if p.Key == section || strings.HasPrefix(p.Key, section+".") {
			own = append(own, p)
		}
	}
	return own
}
