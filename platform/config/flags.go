package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/spf13/pflag"
)

// Flags makes a flag for every key of the sections: --election.ttl 10s. The keys of a table cannot
// be known beforehand, so args, the command line about to be parsed, is searched for flags that name
// one; --jobs.close_overdue.every exists when args mentions it. In the help such flags stand once,
// with <name> in the place of the name.
//
// The flags take their text as it is. Load parses it, so that a bad flag is reported with all the
// other problems.
func Flags(sections []Section, args []string) (*pflag.FlagSet, error) {
	root, err := schema(sections)
	if err != nil {
		return nil, err
	}
	fs := pflag.NewFlagSet("config", pflag.ContinueOnError)
	defaults := defaultsLayer(sections)
	root.leaves("", func(key string, n *node) {
		addFlag(fs, key, n, defaults.text(key, n))
	})
	for _, arg := range args {
		name, ok := strings.CutPrefix(arg, "--")
		if !ok {
			continue
		}
		name, _, _ = strings.Cut(name, "=")
		path := strings.Split(name, ".")
		if n, depth := root.find(path); depth == len(path) && n.leaf != nil && fs.Lookup(name) == nil {
			addFlag(fs, name, n, "")
			fs.Lookup(name).Hidden = true
		}
	}
	return fs, nil
}

func addFlag(fs *pflag.FlagSet, key string, n *node, def string) {
	f := fs.VarPF(&flag{node: n, shown: def, pattern: strings.Contains(key, entry)}, key, "", n.doc)
	if n.leaf.Kind() == reflect.Bool {
		f.NoOptDefVal = "true"
	}
}

// flag is the pflag.Value of every key.
type flag struct {
	node    *node
	text    string
	set     bool
	shown   string // the default, for the help
	pattern bool   // stands for the flags of a table
}

var _ pflag.Value = (*flag)(nil)

func (f *flag) Set(text string) error {
	if f.pattern {
		return fmt.Errorf("write a name in the place of %s", entry)
	}
	if f.set && isList(f.node.leaf) {
		text = f.text + "," + text
	}
	f.text, f.set = text, true
	return nil
}

func (f *flag) String() string { return f.shown }
func (f *flag) Type() string   { return typeName(f.node.leaf) }

func typeName(t reflect.Type) string {
	switch {
	case t == duration:
		return "duration"
	case isList(t):
		return "list"
	case t.Kind() == reflect.Bool:
		return "bool"
	case isText(t):
		return "text"
	}
	return "number"
}
