package arch

import (
	"maps"
	"path"
	"strings"
)

// matchAny returns the names bound by the first pattern that s matches.
func matchAny(patterns []string, s string, bound map[string]string) (map[string]string, bool) {
	for _, p := range patterns {
		if b, ok := match(p, s, bound); ok {
			return b, true
		}
	}
	return nil, false
}

// match reports whether s matches the pattern with the names bound so far, and returns those bound after it.
func match(pattern, s string, bound map[string]string) (map[string]string, bool) {
	return matchElements(strings.Split(pattern, "/"), strings.Split(s, "/"), bound)
}

func matchElements(pattern, elements []string, bound map[string]string) (map[string]string, bool) {
	if len(pattern) == 0 {
		return bound, len(elements) == 0
	}
	if pattern[0] == "**" {
		for skip := range len(elements) + 1 {
			if b, ok := matchElements(pattern[1:], elements[skip:], bound); ok {
				return b, true
			}
		}
		return nil, false
	}
	if len(elements) == 0 {
		return nil, false
	}
	if name, ok := strings.CutPrefix(pattern[0], "{"); ok {
		name = strings.TrimSuffix(name, "}")
		if was, known := bound[name]; known && was != elements[0] {
			return nil, false
		}
		bound = maps.Clone(bound)
		if bound == nil {
			bound = map[string]string{}
		}
		bound[name] = elements[0]
	} else if ok, _ := path.Match(pattern[0], elements[0]); !ok { // a bad pattern matches nothing and is stale
		return nil, false
	}
	return matchElements(pattern[1:], elements[1:], bound)
}
