package spanid_test

import (
	"context"
	"fmt"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"example.com/baton/platform/telemetry/spanid"
)

func ExampleWith() {
	provider := sdktrace.NewTracerProvider(sdktrace.WithIDGenerator(spanid.Generator{}))

	id := spanid.New()
	// Here the record is written that names the span to come.
	ctx, run := provider.Tracer("example").Start(spanid.With(context.Background(), id), "run")
	_, child := provider.Tracer("example").Start(ctx, "below the run")

	fmt.Println(run.SpanContext().SpanID() == id, child.SpanContext().SpanID() == id)
	// Output: true false
}
