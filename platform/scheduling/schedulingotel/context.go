package schedulingotel

import (
	"context"
	"crypto/sha256"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// TraceID returns the id of the trace of an occurrence, which follows from the
// service and the run id alone.
func TraceID(service, runID string) trace.TraceID {
	sum := sha256.Sum256([]byte(service + "/" + runID))
	return trace.TraceID(sum[:16])
}

const header = "traceparent"

// traceparent encodes a span context for a record; empty when there is none.
func traceparent(sc trace.SpanContext) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpanContext(context.Background(), sc), carrier)
	return carrier[header]
}

// spanContext decodes what traceparent encoded; anything else is no span.
func spanContext(encoded string) trace.SpanContext {
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{header: encoded})
	return trace.SpanContextFromContext(ctx)
}

func withParent(ctx context.Context, encoded string) context.Context {
	if sc := spanContext(encoded); sc.IsValid() {
		return trace.ContextWithRemoteSpanContext(ctx, sc)
	}
	return ctx
}
