// Package arch holds the rules of this repository that a compiler does not know: who may import whom, what a service's
// binary may contain, what every package says about itself. The rules are data, each with its reason, and its tests are
// what applies them; nothing imports this package.
//
// It parses import clauses and builds nothing, so it sees every module, operating system and build tag at once. It does
// not see what a dependency imports: the test of the binaries does.
package arch

import (
	"fmt"
	"slices"
	"strings"
)

// Rule forbids imports. A file breaks it that is in From but not in Except and imports something that matches To but not
// Allow.
//
// From and Except are patterns of directories relative to the root of the repository, To and Allow of imports: a
// directory for a package of this repository, "std/…" for the standard library, else the import path. In a pattern, "**"
// is any number of path elements, "*" anything within one, and {name} one element that is the same everywhere in the
// rule. The service in tools/template/service counts as services/template.
type Rule struct {
	Name   string
	Why    string
	From   []string
	Except []string
	To     []string
	Allow  []string
	// InTests is allowed in _test.go files on top.
	InTests []string
	// Optional are exceptions that are right even where no package matches or needs them. Others are stale then.
	Optional []string
}

// Violation is an import that a rule forbids.
type Violation struct {
	Rule   Rule
	File   string // relative to the root
	Line   int
	Import string
}

func (v Violation) String() string {
	return fmt.Sprintf("%s:%d imports %s\n\t%s: %s", v.File, v.Line, v.Import, v.Rule.Name, v.Rule.Why)
}

// Check returns the violations of rules in files, in the order of both.
func Check(rules []Rule, files []File) []Violation {
	var found []Violation
	for _, r := range rules {
		for _, f := range files {
			bound, ok := matchAny(r.From, f.Dir, nil)
			if !ok {
				continue
			}
			if _, excepted := matchAny(r.Except, f.Dir, nil); excepted {
				continue
			}
			for _, imp := range r.forbidden(f, bound) {
				found = append(found, Violation{Rule: r, File: f.Name, Line: imp.Line, Import: imp.Path})
			}
		}
	}
	return found
}

// forbidden returns the imports of f that match To and neither Allow nor, in a test, InTests.
func (r Rule) forbidden(f File, bound map[string]string) []Import {
	allow := r.Allow
	if f.Test {
		allow = slices.Concat(r.Allow, r.InTests)
	}
	var found []Import
	for _, imp := range f.Imports {
		_, forbidden := matchAny(r.To, imp.Target, bound)
		_, allowed := matchAny(allow, imp.Target, bound)
		if forbidden && !allowed {
			found = append(found, imp)
		}
	}
	return found
}

// Stale returns what is wrong with the rules themselves: patterns that no package matches, exceptions that nobody needs.
func Stale(rules []Rule, files []File) []string {
	var found []string
	for _, r := range rules {
		for _, pattern := range slices.Concat(r.From, r.Except) {
			matched, needed := r.uses(pattern, files)
			switch {
			case slices.Contains(r.Optional, pattern):
			case !matched:
				found = append(found, fmt.Sprintf("%s: no package matches %s", r.Name, pattern))
			case !needed && slices.Contains(r.Except, pattern):
				found = append(found, fmt.Sprintf("%s: nothing in %s needs the exception", r.Name, pattern))
			}
		}
		if strings.TrimSpace(r.Why) == "" {
			found = append(found, r.Name+": has no reason")
		}
	}
	return found
}

// uses reports whether a file matches the pattern, and whether one does that imports what the rule forbids to others.
func (r Rule) uses(pattern string, files []File) (matched, needed bool) {
	for _, f := range files {
		bound, ok := match(pattern, f.Dir, nil)
		if !ok {
			continue
		}
		matched = true
		if len(r.forbidden(f, bound)) > 0 {
			return true, true
		}
	}
	return matched, false
}
