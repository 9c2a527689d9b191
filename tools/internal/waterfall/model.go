package waterfall

import (
	"strconv"
	"time"
)

// Trace is one trace, in no particular order.
type Trace struct {
	ID    string `json:"trace_id"`
	Spans []Span `json:"spans"`
}

// Span is one span of a trace.
type Span struct {
	ID       string        `json:"span_id"`
	ParentID string        `json:"parent_span_id,omitempty"`
	Name     string        `json:"name"`
	Service  string        `json:"service"`
	Instance string        `json:"instance,omitempty"`
	Kind     string        `json:"kind,omitempty"` // "producer", "consumer", "client", "server" or ""
	Start    time.Time     `json:"start"`
	Duration time.Duration `json:"duration_ns"`
	Error    bool          `json:"error,omitempty"`
	Message  string        `json:"message,omitempty"` // why it is an error
	Attrs    []Attr        `json:"attributes,omitempty"`
	Links    []Link        `json:"links,omitempty"`
}

// Attr is an attribute of a span; its value is rendered as text.
type Attr struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Link points at another span, of this or of another trace.
type Link struct {
	TraceID string `json:"trace_id"`
	SpanID  string `json:"span_id"`
	Type    string `json:"type,omitempty"` // the link's attribute link.type, when Jaeger kept it
}

// Attr returns the value of an attribute, or "".
func (s Span) Attr(key string) string {
	for _, a := range s.Attrs {
		if a.Key == key {
			return a.Value
		}
	}
	return ""
}

// End is when the span ended.
func (s Span) End() time.Time { return s.Start.Add(s.Duration) }

// Attr returns the first value any span of the trace has for a key, or "".
func (t Trace) Attr(key string) string {
	for _, s := range t.Spans {
		if v := s.Attr(key); v != "" {
			return v
		}
	}
	return ""
}

// Bounds returns the first start and the last end.
func (t Trace) Bounds() (start, end time.Time) {
	for i, s := range t.Spans {
		if i == 0 || s.Start.Before(start) {
			start = s.Start
		}
		if i == 0 || s.End().After(end) {
			end = s.End()
		}
	}
	return start, end
}

// shown are the attributes worth a place in a drawing, with the names they get there.
var shown = []struct{ key, label string }{
	{"job.run.id", "run"},
	{"job.run.attempt", "attempt"},
	{"job.run.result", "result"},
	{"job.skip.reason", "skipped"},
	{"scheduler.term.token", "token"},
	{"job.trigger", "trigger"},
	{"job.run.synthetic", "written by the successor"},
	{"error.type", "error"},
}

// labels returns the attributes to draw beside a span. inherited returns what the parent already
// shows, so that a value is not repeated on every line.
func (s Span) labels(parent *Span) []Attr {
	var out []Attr
	if s.Instance != "" && (parent == nil || parent.Instance != s.Instance || parent.Service != s.Service) {
		out = append(out, Attr{"on", s.Instance})
	}
	for _, k := range shown {
		v := s.Attr(k.key)
		if v == "" || (parent != nil && parent.Attr(k.key) == v && k.key != "job.run.result") {
			continue
		}
		if v == "true" {
			v = ""
		}
		out = append(out, Attr{k.label, v})
	}
	return out
}

// formatDuration keeps about three digits.
func formatDuration(d time.Duration) string {
	switch {
	case d < time.Microsecond:
		return strconv.FormatInt(int64(d), 10) + "ns"
	case d < time.Millisecond:
		return round(float64(d)/float64(time.Microsecond)) + "µs"
	case d < time.Second:
		return round(float64(d)/float64(time.Millisecond)) + "ms"
	case d < time.Minute:
		return round(d.Seconds()) + "s"
	default:
		return d.Round(time.Second).String()
	}
}

func round(v float64) string {
	switch {
	case v < 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
}
