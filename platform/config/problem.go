package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Problem is one thing wrong with the configuration, told in the words of its reader: the key as it
// is written in a file, the value found there, the rule it breaks, and the layer it came from.
type Problem struct {
	// Key is the full key, or, in the result of a Validate method or a Check, the key within the
	// section. Empty when the problem is about a whole layer.
	Key string
	// Value is what was found; nil leaves it out of the message. Secrets are never put here.
	Value any
	// Rule is what the value has to be, as in "must be at least 1s".
	Rule string
	// Layer is filled in by Load: "config.yaml", "environment BILLING_ETCD__PREFIX", "default", …
	Layer string
}

const longestValue = 80

// Error tells the problem in one line. Control characters, which a key may hold, come out as spaces.
func (p Problem) Error() string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, p.text())
}

func (p Problem) text() string {
	if p.Key == "" && p.Layer != "" {
		return p.Layer + ": " + p.Rule
	}
	var b strings.Builder
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	if p.Value != nil {
		b.WriteString(show(p.Value) + " ")
	}
	b.WriteString(p.Rule)
	if p.Layer != "" {
		b.WriteString(" (" + p.Layer + ")")
	}
	return b.String()
}

func show(value any) string {
	var text string
	switch v := value.(type) {
	case string:
		text = fmt.Sprintf("%q", v)
	default:
		text = fmt.Sprint(v)
	}
	if len(text) > longestValue {
		text = strings.ToValidUTF8(text[:longestValue], "") + "…"
	}
	return text
}

// Problems is everything wrong with the configuration, sorted by key. It is the error type of Load.
type Problems []Problem

// Error tells one problem per line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives each problem to errors.As.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}

func (ps Problems) sorted() Problems {
	out := slices.Clone(ps)
	slices.SortStableFunc(out, func(a, b Problem) int {
		return strings.Compare(a.Key+"\x00"+a.Error(), b.Key+"\x00"+b.Error())
	})
	return slices.CompactFunc(out, func(a, b Problem) bool { return a.Error() == b.Error() })
}

func (ps Problems) orNil() error {
	if len(ps) == 0 {
		return nil
	}
	return ps.sorted()
}

// problemsOf takes apart what a Validate method or a Check returned. An error that is not a Problem
// becomes one about the whole section.
func problemsOf(section string, err error) Problems {
	switch e := err.(type) {
	case nil:
		return nil
	case Problem:
		e.Key = join(section, e.Key)
		return Problems{e}
	case interface{ Unwrap() []error }:
		var all Problems
		for _, inner := range e.Unwrap() {
			all = append(all, problemsOf(section, inner)...)
		}
		return all
	}
	if p, ok := errors.AsType[Problem](err); ok {
		return problemsOf(section, p)
	}
	return Problems{{Key: section, Rule: err.Error()}}
}

func join(path, key string) string {
	switch {
	case path == "":
		return key
	case key == "":
		return path
	}
	return path + "." + key
}
