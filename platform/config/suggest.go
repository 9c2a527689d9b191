package config

import (
	"fmt"
	"slices"
	"strings"
)

// unknown words the rule that a key breaks which nobody declared, with the likeliest known one.
func (n *node) unknown(key, at string, root *node) string {
	if n.table != nil {
		return "names must not be empty or hold a dot"
	}
	if near := Nearest(key, n.order); near != "" {
		return didYouMean(strings.TrimSuffix(at, key) + near)
	}
	return didYouMean(Nearest(at, root.keys()))
}

func (v *Values) unknownEnv(service, name string, path []string, n *node, depth int) string {
	if depth == len(path) {
		return "is the name of a section, not of a key"
	}
	if n.leaf != nil {
		return didYouMean(EnvName(service, strings.Join(path[:depth], ".")))
	}
	if near := Nearest(path[depth], n.order); near != "" {
		full := append(slices.Clone(path[:depth]), near)
		return didYouMean(EnvName(service, strings.Join(append(full, path[depth+1:]...), ".")))
	}
	var names []string
	for _, key := range v.root.keys() {
		names = append(names, EnvName(service, key))
	}
	return didYouMean(Nearest(name, names))
}

func didYouMean(near string) string {
	if near == "" {
		return "unknown key"
	}
	return fmt.Sprintf("unknown key, did you mean %s?", near)
}

func (n *node) keys() []string {
	var keys []string
	n.leaves("", func(key string, _ *node) { keys = append(keys, key) })
	return keys
}

// Nearest returns the candidate that is a few slips of the keyboard away from word, or "".
func Nearest(word string, candidates []string) string {
	best, least := "", max(1, min(len(word), 15)/3)+1
	for _, c := range candidates {
		if d := distance(word, c); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance counts the single-byte edits between two words (Levenshtein).
func distance(a, b string) int {
	if len(a) > 100 || len(b) > 100 {
		return len(a) + len(b)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
