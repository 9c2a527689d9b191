package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/go-playground/validator/v10"
)

// Check is a rule over a section that needs more than the section, such as the names of the jobs a
// service has. Func gets the decoded section, a value of the type it was declared with, and returns
// Problems with keys within the section, joined with errors.Join.
type Check struct {
	Section string
	Func    func(section any) error
}

// Check applies the checks to the sections that have no problem of their own, and returns everything
// that is wrong, the problems of loading included.
func (v *Values) Check(checks ...Check) error {
	all := slices.Clone(v.problems)
	for _, c := range checks {
		section, ok := v.decoded[c.Section]
		if !ok {
			return fmt.Errorf("config: check of section %q, which nobody declared", c.Section)
		}
		if len(v.problemsIn(c.Section)) > 0 {
			continue
		}
		for _, p := range problemsOf(c.Section, c.Func(section.Interface())) {
			all = append(all, v.placed(p))
		}
	}
	return all.orNil()
}

// placed adds the layer of the problem's key.
func (v *Values) placed(p Problem) Problem {
	if p.Layer == "" {
		p.Layer = v.layerOf(p.Key)
	}
	path := strings.Split(p.Key, ".")
	if n, depth := v.root.find(path); depth == len(path) && n.secret {
		p.Value = nil
	}
	return p
}

// layerOf tells where a key was set. An entry of a table or a group may have been set in several
// layers; a whole section has no answer.
func (v *Values) layerOf(key string) string {
	key, _, _ = strings.Cut(key, "[")
	if layer, ok := v.origin[key]; ok || !strings.Contains(key, ".") {
		return layer
	}
	var layers []string
	for at, layer := range v.origin {
		if strings.HasPrefix(at, key+".") && layer != "default" {
			layers = append(layers, layer)
		}
	}
	slices.Sort(layers)
	return strings.Join(slices.Compact(layers), ", ")
}

// validate applies the validate tags, and the Validate methods when the tags found nothing: a rule
// over several keys says little while one of them is wrong.
func (v *Values) validate(key string) Problems {
	section := v.decoded[key]
	var found Problems
	add := func(ps Problems) {
		for _, p := range ps {
			if !v.reported(p.Key) {
				found = append(found, v.placed(p))
			}
		}
	}
	if section.Kind() != reflect.Map {
		add(byTags(key, section))
	}
	for name, entry := range entries(section) {
		add(byTags(join(key, name), entry))
	}
	if len(found) > 0 || len(v.problemsIn(key)) > 0 {
		return found
	}
	add(problemsOf(key, byMethod(section)))
	for name, entry := range entries(section) {
		add(problemsOf(join(key, name), byMethod(entry)))
	}
	return found
}

// reported is true when a leaf could not be read: what stands there now is an earlier layer's.
func (v *Values) reported(key string) bool {
	return slices.ContainsFunc(v.problems, func(p Problem) bool { return p.Key == key })
}

// entries yields the entries of a section that is a table, in order.
func entries(section reflect.Value) func(func(string, reflect.Value) bool) {
	return func(yield func(string, reflect.Value) bool) {
		if section.Kind() != reflect.Map {
			return
		}
		byName := map[string]reflect.Value{}
		for _, k := range section.MapKeys() {
			byName[k.String()] = section.MapIndex(k)
		}
		for _, name := range slices.Sorted(maps.Keys(byName)) {
			if !yield(name, byName[name]) {
				return
			}
		}
	}
}

func byMethod(v reflect.Value) error {
	addressable := reflect.New(v.Type())
	addressable.Elem().Set(v)
	if s, ok := addressable.Interface().(interface{ Validate() error }); ok {
		return s.Validate()
	}
	if s, ok := v.Interface().(interface{ Validate() error }); ok {
		return s.Validate()
	}
	return nil
}

var rules = newValidator()

func newValidator() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string { return f.Tag.Get("koanf") })
	return v
}

func byTags(path string, v reflect.Value) Problems {
	if reflect.Indirect(v).Kind() != reflect.Struct {
		return nil
	}
	var broken validator.ValidationErrors
	if !errors.As(rules.Struct(v.Interface()), &broken) {
		return nil
	}
	var all Problems
	for _, b := range broken {
		_, within, _ := strings.Cut(b.Namespace(), ".")
		p := Problem{Key: join(path, tableKey.ReplaceAllString(within, ".$1")), Value: b.Value(), Rule: worded(b)}
		switch value := reflect.ValueOf(b.Value()); {
		case b.Tag() == "required":
			p.Value = nil
		case value.IsValid() && value.Kind() != reflect.Pointer && isLeaf(value.Type()):
			p.Value, _ = encode(value)
		default:
			p.Value = nil
		}
		all = append(all, p)
	}
	return all
}

// tableKey finds the name of a table's entry, which the validator writes as jobs[close_overdue]; the
// index of a list stays in brackets.
var tableKey = regexp.MustCompile(`\[([^\]]*[^\]0-9][^\]]*)\]`)

// worded says in plain words what a validate tag wants.
func worded(b validator.FieldError) string {
	length := ""
	switch {
	case b.Kind() == reflect.String:
		length = " characters long"
	case b.Kind() == reflect.Slice || b.Kind() == reflect.Map:
		length = " entries long"
	}
	switch b.Tag() {
	case "required":
		return "must be set"
	case "min", "gte":
		return "must be at least " + b.Param() + length
	case "max", "lte":
		return "must be at most " + b.Param() + length
	case "gt":
		return "must be more than " + b.Param() + length
	case "lt":
		return "must be less than " + b.Param() + length
	case "len":
		return "must be exactly " + b.Param() + length
	case "oneof":
		return "must be one of " + strings.Join(strings.Fields(b.Param()), ", ")
	case "hostname_port":
		return `must be host:port, as in "127.0.0.1:8080"`
	case "url", "http_url":
		return `must be a URL, as in "http://127.0.0.1:4317"`
	case "startswith":
		return fmt.Sprintf("must begin with %q", b.Param())
	case "endsnotwith":
		return fmt.Sprintf("must not end with %q", b.Param())
	case "unique":
		return "must not hold a value twice"
	}
	return strings.TrimRight(fmt.Sprintf("breaks the rule %s=%s", b.Tag(), b.Param()), "=")
}
