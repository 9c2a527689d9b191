package waterfall

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"math"
	"strings"
	"time"
)

// SVGOptions say how to draw the picture.
type SVGOptions struct {
	// Inline leaves the stylesheet out, for a page that already has Stylesheet.
	Inline bool
	Max    int // spans drawn; 0 means 1000
}

const svgMax = 1000

// The picture's measures, in px.
const (
	svgWidth   = 1200
	svgMargin  = 20
	svgHeader  = 92 // title, legend and axis
	svgRow     = 42
	svgBar     = 14
	svgNames   = 510 // width of the column of names
	svgAxis    = svgMargin + svgNames + 10
	svgSpan    = svgWidth - svgMargin - svgAxis // width of the time axis
	svgIndent  = 16
	svgDeepest = 12
	nameChar   = 7.1 // rough width of a character of a name
	smallChar  = 6.0
	palette    = 6
)

// SVG draws the trace as a standalone picture, legible on light and dark backgrounds.
func (t Trace) SVG(w io.Writer, o SVGOptions) error {
	limit := o.Max
	if limit <= 0 {
		limit = svgMax
	}
	rows := flat(t.Tree())
	c := newCanvas(t, rows[:min(len(rows), limit)])
	height := svgHeader + len(c.rows)*svgRow + svgMargin
	if len(rows) > limit {
		height += svgRow
	}
	c.f(`<svg xmlns="http://www.w3.org/2000/svg" class="wf" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`,
		svgWidth, height, svgWidth, height, esc(c.title()))
	if !o.Inline {
		c.f("<style>%s</style>", Stylesheet())
	}
	c.f(`<rect class="bg" width="%d" height="%d" rx="8"/>`, svgWidth, height)
	c.header(len(rows))
	c.axis(height)
	for i, n := range c.rows {
		c.row(i, n)
	}
	c.links()
	if len(rows) > limit {
		c.f(`<text class="small" x="%d" y="%d">… %d more spans</text>`, svgMargin, height-svgMargin-8, len(rows)-limit)
	}
	c.f("</svg>\n")
	_, err := io.WriteString(w, c.b.String())
	return err
}

// canvas collects the picture.
type canvas struct {
	b          strings.Builder
	trace      Trace
	rows       []*Node
	line       map[string]int // row of a span id
	color      map[string]int // palette index of a service
	services   []string       // in order of appearance
	start, end time.Time
}

func newCanvas(t Trace, rows []*Node) *canvas {
	c := &canvas{trace: t, rows: rows, line: map[string]int{}, color: map[string]int{}}
	c.start, c.end = t.Bounds()
	for i, n := range rows {
		if _, twice := c.line[n.Span.ID]; !twice {
			c.line[n.Span.ID] = i
		}
		if _, known := c.color[n.Span.Service]; !known {
			c.color[n.Span.Service] = len(c.services) % palette
			c.services = append(c.services, n.Span.Service)
		}
	}
	return c
}

func (c *canvas) f(format string, args ...any) { fmt.Fprintf(&c.b, format, args...) }

func (c *canvas) title() string {
	if run := c.trace.Attr("job.run.id"); run != "" {
		return run
	}
	return "trace " + c.trace.ID
}

func (c *canvas) header(spans int) {
	c.f(`<text class="title" x="%d" y="30">%s</text>`, svgMargin, esc(cut(c.title(), 90)))
	c.f(`<text class="small end" x="%d" y="30">%s · %d spans · trace %s</text>`, svgWidth-svgMargin,
		formatDuration(c.end.Sub(c.start)), spans, esc(cut(c.trace.ID, 32)))
	x := float64(svgMargin)
	for _, s := range c.services {
		name := cut(clean(s), 24)
		if x > svgNames {
			break
		}
		c.f(`<circle class="s%d" cx="%.0f" cy="54" r="5"/><text class="small" x="%.0f" y="58">%s</text>`,
			c.color[s], x+5, x+15, html.EscapeString(name))
		x += 30 + float64(len([]rune(name)))*smallChar
	}
}

// axis draws the ticks through all rows.
func (c *canvas) axis(height int) {
	total := c.end.Sub(c.start)
	for _, tick := range ticks(total) {
		x := c.x(c.start.Add(tick))
		class := "small mid"
		if tick == 0 {
			class = "small"
		}
		c.f(`<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text class="%s" x="%.1f" y="%d">%s</text>`,
			x, x, svgHeader-6, height-svgMargin, class, x, svgHeader-12, formatTick(tick))
	}
}

// x places a moment on the time axis.
func (c *canvas) x(at time.Time) float64 {
	total := c.end.Sub(c.start)
	if total <= 0 {
		return svgAxis
	}
	part := float64(at.Sub(c.start)) / float64(total)
	return svgAxis + svgSpan*min(max(part, 0), 1)
}

func (c *canvas) row(i int, n *Node) {
	y := svgHeader + i*svgRow
	indent := svgMargin + svgIndent*min(n.Depth, svgDeepest)
	room := float64(svgMargin + svgNames - indent)
	c.f(`<g><title>%s</title>`, esc(tooltip(n)))
	if i%2 == 1 {
		c.f(`<rect class="stripe" x="8" y="%d" width="%d" height="%d" rx="4"/>`, y, svgWidth-16, svgRow)
	}
	nameClass := "name"
	if n.Span.Error {
		nameClass = "name bad"
	}
	text, nameY := c.annotation(n), y+25
	if text != "" {
		nameY = y + 18
	}
	c.f(`<circle class="s%d" cx="%d" cy="%d" r="4"/>`, c.color[n.Span.Service], indent+4, nameY-4)
	c.f(`<text class="%s" x="%d" y="%d">%s</text>`, nameClass, indent+14, nameY,
		esc(cut(clean(n.Span.Name), int((room-14)/nameChar))))
	if text != "" {
		c.f(`<text class="small" x="%d" y="%d">%s</text>`, indent+14, y+33, esc(cut(text, int((room-14)/smallChar))))
	}
	c.bar(n, y)
	c.f("</g>")
}

func (c *canvas) bar(n *Node, y int) {
	from, to := c.x(n.Span.Start), c.x(n.Span.End())
	width := max(to-from, 2)
	from = min(from, svgAxis+svgSpan-width)
	class := fmt.Sprintf("s%d", c.color[n.Span.Service])
	if n.Span.Error {
		class = "err"
	}
	top := y + (svgRow-svgBar)/2
	c.f(`<rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d" rx="3"/>`, class, from, top, width, svgBar)

	label := formatDuration(n.Span.Duration)
	if n.Span.Message != "" {
		label += " · " + cut(clean(n.Span.Message), 60)
	}
	need := float64(len([]rune(label))) * smallChar
	switch textY := top + svgBar - 3; {
	case from+width+6+need <= svgWidth-svgMargin:
		c.f(`<text class="small" x="%.1f" y="%d">%s</text>`, from+width+6, textY, esc(label))
	case from-10-need >= svgAxis:
		c.f(`<text class="small end" x="%.1f" y="%d">%s</text>`, from-10, textY, esc(label))
	default:
		inside := cut(label, int((width-12)/smallChar))
		c.f(`<text class="inbar" x="%.1f" y="%d">%s</text>`, from+6, textY, esc(inside))
	}
}

// annotation is the small line below a name.
func (c *canvas) annotation(n *Node) string {
	var parent *Span
	if n.Parent != nil {
		parent = &n.Parent.Span
	}
	var parts []string
	for _, a := range n.Span.labels(parent) {
		parts = append(parts, strings.TrimSpace(clean(a.Key)+" "+clean(a.Value)))
	}
	for _, l := range n.Span.Links {
		parts = append(parts, "↪ "+clean(cmp.Or(l.Type, "link")))
	}
	parts = append(parts, n.Notes...)
	return strings.Join(parts, " · ")
}

// links draws an arrow from a linked span of this trace to the span that names it.
func (c *canvas) links() {
	for i, n := range c.rows {
		for _, l := range n.Span.Links {
			k, ok := c.line[l.SpanID]
			if !ok || l.TraceID != c.trace.ID || k == i || l.SpanID == n.Span.ParentID {
				continue
			}
			x1, x2 := c.x(c.rows[k].Span.End()), c.x(n.Span.Start)
			y1, y2 := float64(svgHeader+k*svgRow+svgRow/2), float64(svgHeader+i*svgRow+svgRow/2)
			bend := min(40, math.Abs(y2-y1)/2)
			c.f(`<path class="link" d="M%.1f %.1f C%.1f %.1f %.1f %.1f %.1f %.1f"/><circle class="dot" cx="%.1f" cy="%.1f" r="3"/>`,
				x1, y1, x1+bend, y1, x2-bend, y2, x2, y2, x2, y2)
		}
	}
}

// tooltip is everything known about a span.
func tooltip(n *Node) string {
	s := n.Span
	lines := []string{s.Name, strings.TrimSpace(s.Service + " " + s.Instance), s.Start.Format(time.RFC3339Nano) + ", " + s.Duration.String()}
	if s.Message != "" {
		lines = append(lines, s.Message)
	}
	for _, a := range s.Attrs {
		lines = append(lines, a.Key+" = "+cut(a.Value, 200))
	}
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return strings.Join(append(lines, n.Notes...), "\n")
}

func esc(s string) string {
	// XML has no place for control characters, not even escaped; a line break is fine.
	return html.EscapeString(strings.Map(func(r rune) rune {
		if r == '\n' || r >= 0x20 && r != 0xFFFE && r != 0xFFFF && r != 0x7f {
			return r
		}
		return '·'
	}, strings.ToValidUTF8(s, "·")))
}
