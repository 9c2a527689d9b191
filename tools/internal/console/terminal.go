package console

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"

	"example.com/baton/tools/internal/fleet"
)

// quietProgress is how often a progress is printed where lines cannot be redrawn.
const quietProgress = 10 * time.Second

// Terminal prints events as lines for people. Report may be called from any goroutine.
type Terminal struct {
	mu     sync.Mutex
	w      io.Writer
	color  bool
	width  func() int // 0: not a terminal, no status line
	colors map[string]string
	pad    int

	progress map[string]string    // running progresses by source
	order    []string             // of the sources in progress
	printed  map[string]time.Time // last line per source, where there is no status line
	status   bool                 // a status line is on the screen
}

// NewTerminal returns a printer to w. It uses colour and a status line only when w is a terminal,
// and no colour when NO_COLOR is set (https://no-color.org).
func NewTerminal(w io.Writer) *Terminal {
	t := &Terminal{
		w: w, width: func() int { return 0 }, colors: map[string]string{}, pad: 9,
		progress: map[string]string{}, printed: map[string]time.Time{},
	}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		t.width = func() int {
			width, _, err := term.GetSize(int(f.Fd()))
			if err != nil || width <= 0 {
				return 80
			}
			return width
		}
		t.color = os.Getenv("NO_COLOR") == ""
	}
	return t
}

// Color reports whether w takes colour.
func (t *Terminal) Color() bool { return t.color }

// Report prints e.
func (t *Terminal) Report(e Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	switch e.Kind {
	case Progress:
		t.step(e)
		return
	case Leader: // the leader's own log says so
		return
	}
	t.erase()
	defer t.redraw()
	if e.Kind == Ready {
		fmt.Fprintln(t.w, t.screen(e.Text))
		return
	}
	fmt.Fprintf(t.w, "%s %s %s\n", t.paint(dim, e.Time.Format("15:04:05.000")), t.prefix(e.Source), t.body(e))
}

// Close takes the status line away.
func (t *Terminal) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.erase()
}

func (t *Terminal) prefix(source string) string {
	if source == "" {
		source = "baton"
	}
	t.pad = max(t.pad, len(source))
	color, ok := t.colors[source]
	if !ok {
		color = sourceColors[len(t.colors)%len(sourceColors)]
		t.colors[source] = color
	}
	return t.paint(color, fmt.Sprintf("%-*s │", t.pad, clean(source)))
}

func (t *Terminal) body(e Event) string {
	switch e.Kind {
	case Log:
		if r, ok := e.Data.(fleet.Record); ok {
			return t.record(r)
		}
	case Warning:
		return t.paint(yellow, cleanLines(e.Text))
	case Takeover:
		return t.paint(bold, cleanLines(e.Text))
	case Trace:
		return t.paint(bold+cyan, cleanLines(e.Text))
	}
	return cleanLines(e.Text)
}

// step shows a progress: on a terminal in the status line, elsewhere now and then as a line.
func (t *Terminal) step(e Event) {
	if _, running := t.progress[e.Source]; !running && e.Text != "" {
		t.order = append(t.order, e.Source)
	}
	t.progress[e.Source] = e.Text
	if e.Text == "" {
		delete(t.progress, e.Source)
		t.order = remove(t.order, e.Source)
	}
	if t.width() > 0 {
		t.erase()
		t.redraw()
		return
	}
	if e.Text != "" && e.Time.Sub(t.printed[e.Source]) >= quietProgress {
		t.printed[e.Source] = e.Time
		fmt.Fprintf(t.w, "%s %s %s\n", e.Time.Format("15:04:05.000"), t.prefix(e.Source), cleanLines(e.Text))
	}
}

func (t *Terminal) erase() {
	if t.status {
		fmt.Fprint(t.w, "\r\x1b[2K")
		t.status = false
	}
}

func (t *Terminal) redraw() {
	width := t.width()
	if width == 0 || len(t.order) == 0 {
		return
	}
	var parts []string
	for _, source := range t.order {
		parts = append(parts, clean(source+": "+t.progress[source]))
	}
	line := "⋯ " + strings.Join(parts, "   ")
	if utf8.RuneCountInString(line) >= width {
		line = string([]rune(line)[:max(width-2, 0)]) + "…"
	}
	fmt.Fprint(t.w, t.paint(dim, line))
	t.status = true
}

func remove(from []string, what string) []string {
	var kept []string
	for _, s := range from {
		if s != what {
			kept = append(kept, s)
		}
	}
	return kept
}

// clean makes one harmless line of s.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '·'
		}
		return r
	}, s)
}

// cleanLines keeps line breaks and indents what follows them.
func cleanLines(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return strings.Join(lines, "\n    ")
}
