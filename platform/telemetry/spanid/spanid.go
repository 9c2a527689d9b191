// Package spanid lets a caller choose the id of the next span before the span exists.
//
// A run record is written before the run's span starts, and names that span. If the process dies,
// the span is never exported, and whoever takes over writes one in its place with the id from the
// record. Both need a span with an id that was known beforehand.
//
// An id is used once: it goes to the first span that is started from the context, or from one derived
// from it, and the spans below that one get ids of their own. A span that is started from the context
// by somebody else first takes the id away; so start the span right after With.
//
// It works with tracer providers that use the [Generator]. Another provider ignores the wish, which
// shows in the id of the span it starts; a noop provider leaves the wish in the context, which
// [Clear] removes.
package spanid

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"
)

type (
	spanKey  struct{}
	traceKey struct{}
)

// wish is an id that can be taken once.
type wish[ID trace.SpanID | trace.TraceID] struct {
	id    ID
	taken atomic.Bool
}

func take[ID trace.SpanID | trace.TraceID](ctx context.Context, key any) (id ID, ok bool) {
	w, _ := ctx.Value(key).(*wish[ID])
	if w == nil || !w.taken.CompareAndSwap(false, true) {
		return id, false
	}
	return w.id, true
}

// With asks for the next span to get id. An id that is not valid is no wish.
func With(ctx context.Context, id trace.SpanID) context.Context {
	if !id.IsValid() {
		return context.WithValue(ctx, spanKey{}, nil)
	}
	return context.WithValue(ctx, spanKey{}, &wish[trace.SpanID]{id: id})
}

// WithTrace asks for the next root span to begin the trace id. Spans with a parent stay in the
// parent's trace. An id that is not valid is no wish.
func WithTrace(ctx context.Context, id trace.TraceID) context.Context {
	if !id.IsValid() {
		return context.WithValue(ctx, traceKey{}, nil)
	}
	return context.WithValue(ctx, traceKey{}, &wish[trace.TraceID]{id: id})
}

// Clear removes what With and WithTrace asked for, taken or not.
func Clear(ctx context.Context) context.Context {
	return context.WithValue(context.WithValue(ctx, spanKey{}, nil), traceKey{}, nil)
}

// New returns a random span id, for the record that is written before the span starts.
func New() trace.SpanID {
	for {
		var id trace.SpanID
		binary.NativeEndian.PutUint64(id[:], rand.Uint64())
		if id.IsValid() {
			return id
		}
	}
}

// NewTrace returns a random trace id.
func NewTrace() trace.TraceID {
	for {
		var id trace.TraceID
		binary.NativeEndian.PutUint64(id[:8], rand.Uint64())
		binary.NativeEndian.PutUint64(id[8:], rand.Uint64())
		if id.IsValid() {
			return id
		}
	}
}

// Generator is an IDGenerator of the OpenTelemetry SDK: ids asked for in the context, random ones
// otherwise. It is safe for concurrent use.
type Generator struct{}

// NewIDs returns the ids of a root span.
func (g Generator) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	id, ok := take[trace.TraceID](ctx, traceKey{})
	if !ok {
		id = NewTrace()
	}
	return id, g.NewSpanID(ctx, id)
}

// NewSpanID returns the id of a span in a trace.
func (Generator) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	if id, ok := take[trace.SpanID](ctx, spanKey{}); ok {
		return id
	}
	return New()
}
