package console

import (
	"strconv"
	"strings"
	"time"

	"example.com/baton/tools/internal/fleet"
)

const (
	reset   = "\x1b[0m"
	bold    = "\x1b[1m"
	dim     = "\x1b[2m"
	red     = "\x1b[31m"
	green   = "\x1b[32m"
	yellow  = "\x1b[33m"
	blue    = "\x1b[34m"
	magenta = "\x1b[35m"
	cyan    = "\x1b[36m"
)

var sourceColors = []string{blue, magenta, cyan, green, yellow, bold + blue, bold + magenta, bold + cyan}

func (t *Terminal) paint(code, s string) string {
	if !t.color || code == "" {
		return s
	}
	return code + s + reset
}

// hidden are keys that repeat the prefix or are of use only to a search.
var hidden = map[string]bool{
	"instance": true, "service": true, "trace_id": true, "span_id": true, "version": true,
}

// record renders a replica's log record in one line.
func (t *Terminal) record(r fleet.Record) string {
	if r.Msg == "" {
		return clean(r.Line)
	}
	var b strings.Builder
	mark, code := style(r)
	b.WriteString(t.paint(code, mark+clean(r.Msg)))
	for _, a := range r.Attrs {
		if hidden[a.Key] || a.Value == "" || a.Value == "null" {
			continue
		}
		b.WriteString("  " + t.paint(dim, clean(a.Key)+"=") + clean(readable(a)))
	}
	return b.String()
}

// durations are keys whose value slog writes as a bare number of nanoseconds.
var durations = map[string]bool{
	"duration": true, "ttl": true, "for": true, "delay": true, "took": true, "grace": true, "timeout": true, "every": true, "wait": true,
}

func readable(a fleet.Attr) string {
	if !durations[a.Key] {
		return a.Value
	}
	ns, err := strconv.ParseInt(a.Value, 10, 64)
	if err != nil {
		return a.Value
	}
	d := time.Duration(ns)
	if d > time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Microsecond).String()
}

// style picks out what a scheduler is about: who leads, and what runs.
func style(r fleet.Record) (mark, code string) {
	switch r.Msg {
	case fleet.TermStarted:
		return "★ ", bold + green
	case fleet.TermEnded:
		return "☆ ", bold + yellow
	case fleet.RunStarted:
		return "▶ ", bold
	case fleet.RunFinished:
		if r.Get("result") == "success" {
			return "✔ ", bold + green
		}
		return "✘ ", bold + red
	}
	switch r.Level {
	case "ERROR":
		return "ERROR ", red
	case "WARN":
		return "WARN ", yellow
	case "DEBUG":
		return "", dim
	}
	return "", ""
}

// screen paints the start screen: its first line is the title.
func (t *Terminal) screen(text string) string {
	title, rest, _ := strings.Cut(text, "\n")
	lines := strings.Split(rest, "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return "\n" + t.paint(bold, clean(title)) + "\n" + strings.Join(lines, "\n")
}
