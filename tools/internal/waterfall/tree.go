package waterfall

import (
	"cmp"
	"fmt"
	"slices"
)

// Node is a span and what hangs below it.
type Node struct {
	Span     Span
	Parent   *Node // nil at the top
	Children []*Node
	Depth    int
	Notes    []string // what is odd about its place
}

// Tree arranges the spans below their parents, earlier ones first. Spans whose parent is not in the
// trace, and one span of every loop, are at the top with a note.
func (t Trace) Tree() []*Node {
	nodes := make([]*Node, 0, len(t.Spans))
	byID := make(map[string]*Node, len(t.Spans))
	for _, s := range t.Spans {
		n := &Node{Span: s}
		if first, twice := byID[s.ID]; twice {
			if same(first.Span, s) {
				continue
			}
			n.Notes = append(n.Notes, "another span has the same id")
		} else {
			byID[s.ID] = n
		}
		nodes = append(nodes, n)
	}
	slices.SortStableFunc(nodes, func(a, b *Node) int {
		return cmp.Or(a.Span.Start.Compare(b.Span.Start), cmp.Compare(a.Span.ID, b.Span.ID))
	})

	var roots []*Node
	for _, n := range nodes {
		parent := byID[n.Span.ParentID]
		switch {
		case n.Span.ParentID == "":
			roots = append(roots, n)
		case parent == nil:
			n.Notes = append(n.Notes, fmt.Sprintf("parent %s is not in the trace", n.Span.ParentID))
			roots = append(roots, n)
		case parent == n || closesLoop(n, parent):
			n.Notes = append(n.Notes, "its parents form a loop")
			roots = append(roots, n)
		default:
			n.Parent = parent
			parent.Children = append(parent.Children, n)
		}
	}
	number(roots)
	return roots
}

// same tells a span stored twice from two spans with one id.
func same(a, b Span) bool {
	return a.Start.Equal(b.Start) && a.Duration == b.Duration && a.Name == b.Name && a.Instance == b.Instance
}

// closesLoop reports whether n is above parent already.
func closesLoop(n, parent *Node) bool {
	for p := parent; p != nil; p = p.Parent {
		if p == n {
			return true
		}
	}
	return false
}

// number sets the depths without recursion: a trace may be thousands of spans deep.
func number(roots []*Node) {
	Walk(roots, func(n *Node) {
		if n.Parent != nil {
			n.Depth = n.Parent.Depth + 1
		}
	})
}

// Walk calls visit for every node, a parent before its children.
func Walk(roots []*Node, visit func(*Node)) {
	stack := slices.Clone(roots)
	slices.Reverse(stack)
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		visit(n)
		for i := len(n.Children) - 1; i >= 0; i-- {
			stack = append(stack, n.Children[i])
		}
	}
}
