package telemetry

import (
	"context"
	"io"
	"log/slog"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// LogConfig is the section log.
type LogConfig struct {
	Level  slog.Level `koanf:"level" doc:"least severe level that is logged: debug, info, warn or error"`
	Format string     `koanf:"format" validate:"oneof=text json" doc:"form of a record: text or json"`
}

// DefaultLogConfig is text from level info.
func DefaultLogConfig() LogConfig { return LogConfig{Level: slog.LevelInfo, Format: "text"} }

// NewLogger returns a logger that writes records to w, one per line. A record that is logged with the
// context of a span has its trace_id and span_id, always at the top level, and from level info it also
// appears as an event of the span: so a run's log is found where its trace is.
func NewLogger(w io.Writer, cfg LogConfig) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.Level}
	if cfg.Format == "json" {
		opts.ReplaceAttr = durationAsText
		return slog.New(&logHandler{next: slog.NewJSONHandler(w, opts)})
	}
	return slog.New(&logHandler{next: slog.NewTextHandler(w, opts)})
}

// durationAsText writes 5.131ms where slog's JSON would have 5131000 and leave the reader to guess the
// unit.
func durationAsText(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// Bounds of a span event. Spans are sent over the network and kept by somebody else.
const (
	maxEventAttributes = 16
	maxEventValue      = 1024
)

// logHandler adds ids to records and mirrors them into spans.
//
// It keeps the open groups to itself and nests the attributes just before a record is written. Had
// it passed WithGroup on, the ids would end up inside the innermost group.
type logHandler struct {
	next   slog.Handler // has every attribute given before the first group
	attrs  []slog.Attr  // the same, for events
	groups []group
}

type group struct {
	name  string
	attrs []slog.Attr
}

var _ slog.Handler = (*logHandler)(nil)

func (h *logHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	if len(h.groups) == 0 {
		return &logHandler{next: h.next.WithAttrs(attrs), attrs: append(slices.Clip(h.attrs), attrs...)}
	}
	groups := slices.Clone(h.groups)
	last := &groups[len(groups)-1]
	last.attrs = append(slices.Clip(last.attrs), attrs...)
	return &logHandler{next: h.next, attrs: h.attrs, groups: groups}
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &logHandler{next: h.next, attrs: h.attrs, groups: append(slices.Clip(h.groups), group{name: name})}
}

func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	span := trace.SpanFromContext(ctx)
	ids := span.SpanContext()
	if !ids.IsValid() && len(h.groups) == 0 {
		return h.next.Handle(ctx, r)
	}
	own := h.nested(r)
	if span.IsRecording() && r.Level >= slog.LevelInfo {
		span.AddEvent(r.Message, trace.WithTimestamp(r.Time), trace.WithAttributes(h.event(r.Level, own)...))
	}
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	out.AddAttrs(own...)
	if ids.IsValid() {
		out.AddAttrs(slog.String("trace_id", ids.TraceID().String()), slog.String("span_id", ids.SpanID().String()))
	}
	return h.next.Handle(ctx, out)
}

// nested returns the attributes of the record inside the open groups.
func (h *logHandler) nested(r slog.Record) []slog.Attr {
	attrs := make([]slog.Attr, 0, r.NumAttrs()+2)
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	for _, g := range slices.Backward(h.groups) {
		attrs = []slog.Attr{{Key: g.name, Value: slog.GroupValue(append(slices.Clip(g.attrs), attrs...)...)}}
	}
	return attrs
}

func (h *logHandler) event(level slog.Level, own []slog.Attr) []attribute.KeyValue {
	event := []attribute.KeyValue{attribute.String("level", level.String())}
	for _, attrs := range [][]slog.Attr{own, h.attrs} {
		event = appendAttributes(event, "", attrs)
	}
	return event
}

func appendAttributes(event []attribute.KeyValue, prefix string, attrs []slog.Attr) []attribute.KeyValue {
	for _, a := range attrs {
		value := a.Value.Resolve()
		switch {
		case len(event) >= maxEventAttributes:
			return event
		case value.Kind() == slog.KindGroup:
			inner := prefix
			if a.Key != "" {
				inner += a.Key + "."
			}
			event = appendAttributes(event, inner, value.Group())
		case a.Key != "":
			event = append(event, attribute.KeyValue{Key: attribute.Key(prefix + a.Key), Value: attributeOf(value)})
		}
	}
	return event
}

func attributeOf(v slog.Value) attribute.Value {
	switch v.Kind() {
	case slog.KindBool:
		return attribute.BoolValue(v.Bool())
	case slog.KindInt64:
		return attribute.Int64Value(v.Int64())
	case slog.KindFloat64:
		return attribute.Float64Value(v.Float64())
	}
	text := v.String()
	if len(text) > maxEventValue {
		text = text[:maxEventValue] + "…"
	}
	return attribute.StringValue(text)
}
