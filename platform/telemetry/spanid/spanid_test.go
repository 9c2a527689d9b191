package spanid_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"example.com/baton/platform/telemetry/spanid"
)

var _ sdktrace.IDGenerator = spanid.Generator{}

func tracer() trace.Tracer {
	return sdktrace.NewTracerProvider(sdktrace.WithIDGenerator(spanid.Generator{})).Tracer("test")
}

func start(ctx context.Context) (context.Context, trace.SpanContext) {
	ctx, span := tracer().Start(ctx, "x")
	return ctx, span.SpanContext()
}

func TestIDsAreUsedOnce(t *testing.T) {
	t.Parallel()
	wantSpan, wantTrace := spanid.New(), spanid.NewTrace()
	ctx := spanid.WithTrace(spanid.With(t.Context(), wantSpan), wantTrace)

	runCtx, run := start(ctx)
	require.Equal(t, wantSpan, run.SpanID())
	require.Equal(t, wantTrace, run.TraceID())

	childCtx, child := start(runCtx)
	_, grandchild := start(childCtx)
	_, sibling := start(ctx)
	ids := map[trace.SpanID]bool{run.SpanID(): true, child.SpanID(): true, grandchild.SpanID(): true, sibling.SpanID(): true}
	require.Len(t, ids, 4, "no other span may have the id")
	require.Equal(t, wantTrace, grandchild.TraceID())
	require.NotEqual(t, wantTrace, sibling.TraceID())
}

func TestTraceIDIsForRootsOnly(t *testing.T) {
	t.Parallel()
	parentCtx, parent := start(t.Context())
	wanted := spanid.NewTrace()
	ctx := spanid.WithTrace(parentCtx, wanted)
	_, child := start(ctx)
	require.Equal(t, parent.TraceID(), child.TraceID())
	_, root := start(trace.ContextWithSpanContext(ctx, trace.SpanContext{}))
	require.Equal(t, wanted, root.TraceID(), "the child did not use it up")
}

func TestClear(t *testing.T) {
	t.Parallel()
	span, traceID := spanid.New(), spanid.NewTrace()
	ctx := spanid.Clear(spanid.WithTrace(spanid.With(t.Context(), span), traceID))
	_, got := start(ctx)
	require.NotEqual(t, span, got.SpanID())
	require.NotEqual(t, traceID, got.TraceID())
}

func TestInvalidIDsAreNoWish(t *testing.T) {
	t.Parallel()
	ctx := spanid.WithTrace(spanid.With(t.Context(), spanid.New()), spanid.NewTrace())
	_, got := start(spanid.WithTrace(spanid.With(ctx, trace.SpanID{}), trace.TraceID{}))
	require.True(t, got.IsValid())
}

func TestOneOfManyTakesTheID(t *testing.T) {
	t.Parallel()
	wanted := spanid.New()
	ctx := spanid.With(t.Context(), wanted)
	ids := make([]trace.SpanID, 50)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() { ids[i] = spanid.Generator{}.NewSpanID(ctx, trace.TraceID{1}) })
	}
	wg.Wait()
	seen := map[trace.SpanID]bool{}
	for _, id := range ids {
		seen[id] = true
	}
	require.Len(t, seen, len(ids))
	require.Contains(t, seen, wanted)
}
