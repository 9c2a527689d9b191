package waterfall

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// TextOptions say how to draw on a terminal.
type TextOptions struct {
	Color bool
	Max   int // spans drawn; 0 means 500
}

const (
	textMax  = 500
	barWidth = 24
	// deepest is how far the tree is indented; spans below are drawn at this depth.
	deepest = 24
)

const (
	ansiReset = "\x1b[0m"
	ansiBold  = "\x1b[1m"
	ansiDim   = "\x1b[2m"
	ansiRed   = "\x1b[31m"
	ansiCyan  = "\x1b[36m"
)

// Text draws the trace as an indented tree with a small bar per span.
func (t Trace) Text(w io.Writer, o TextOptions) error {
	roots := t.Tree()
	rows := flat(roots)
	limit := o.Max
	if limit <= 0 {
		limit = textMax
	}
	p := painter{color: o.Color}
	var b strings.Builder
	start, end := t.Bounds()
	fmt.Fprintf(&b, "%s  %d spans  %s\n", p.paint(ansiBold, "trace "+clean(t.ID)), len(rows), formatDuration(end.Sub(start)))
	width := 0
	for _, n := range rows[:min(len(rows), limit)] {
		width = max(width, utf8.RuneCountInString(textName(n)))
	}
	width = min(width, 64)
	for i, n := range rows {
		if i == limit {
			fmt.Fprintf(&b, "… %d more spans\n", len(rows)-limit)
			break
		}
		p.row(&b, n, width, start, end)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func flat(roots []*Node) []*Node {
	var rows []*Node
	Walk(roots, func(n *Node) { rows = append(rows, n) })
	return rows
}

type painter struct{ color bool }

func (p painter) paint(code, s string) string {
	if !p.color || s == "" {
		return s
	}
	return code + s + ansiReset
}

func (p painter) row(b *strings.Builder, n *Node, width int, start, end time.Time) {
	name := cut(textName(n), width)
	pad := strings.Repeat(" ", max(0, width-utf8.RuneCountInString(name)))
	if n.Span.Error {
		name = p.paint(ansiRed, name)
	}
	fmt.Fprintf(b, "%s%s  %s %8s", name, pad, p.paint(ansiCyan, bar(n.Span, start, end)), formatDuration(n.Span.Duration))
	var parent *Span
	if n.Parent != nil {
		parent = &n.Parent.Span
	}
	for _, a := range n.Span.labels(parent) {
		b.WriteString("  " + p.paint(ansiDim, clean(strings.TrimRight(a.Key+"="+a.Value, "="))))
	}
	if n.Span.Message != "" {
		b.WriteString("  " + p.paint(ansiRed, clean(n.Span.Message)))
	}
	for _, l := range n.Span.Links {
		b.WriteString("  " + p.paint(ansiDim, "↪ "+clean(linkText(l))))
	}
	for _, note := range n.Notes {
		b.WriteString("  " + p.paint(ansiRed, "("+clean(note)+")"))
	}
	b.WriteByte('\n')
}

func textName(n *Node) string {
	indent := strings.Repeat("  ", min(n.Depth, deepest))
	service := n.Span.Service
	if service == "" {
		service = "?"
	}
	return indent + clean(service) + ": " + clean(n.Span.Name)
}

// bar places the span on a line of barWidth cells.
func bar(s Span, start, end time.Time) string {
	total := end.Sub(start)
	if total <= 0 {
		return strings.Repeat("━", barWidth)
	}
	cell := func(d time.Duration) int {
		return int(float64(d) / float64(total) * barWidth)
	}
	from := min(max(cell(s.Start.Sub(start)), 0), barWidth-1)
	to := min(max(cell(s.End().Sub(start)), from+1), barWidth)
	return strings.Repeat("·", from) + strings.Repeat("━", to-from) + strings.Repeat("·", barWidth-to)
}

func linkText(l Link) string {
	kind := l.Type
	if kind == "" {
		kind = "link"
	}
	return kind + " " + l.SpanID
}

// clean keeps what a span says from steering the terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '·'
		}
		return r
	}, s)
}

func cut(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:max(width-1, 0)]) + "…"
}
