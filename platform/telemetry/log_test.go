package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"example.com/baton/pkg/secret"
	"example.com/baton/platform/telemetry"
)

// logged runs f with a logger and, for its context, a recording span.
func logged(t *testing.T, level slog.Level, f func(context.Context, *slog.Logger)) (records []map[string]any, span sdktrace.ReadOnlySpan) {
	t.Helper()
	recorder := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test")
	var out bytes.Buffer
	ctx, s := tracer.Start(t.Context(), "run")
	f(ctx, telemetry.NewLogger(&out, telemetry.LogConfig{Level: level, Format: "json"}))
	s.End()
	return decode(t, out.Bytes()), recorder.Ended()[0]
}

func decode(t testing.TB, data []byte) (records []map[string]any) {
	t.Helper()
	for line := range bytes.Lines(data) {
		var r map[string]any
		require.NoError(t, json.Unmarshal(line, &r), "%s", line)
		records = append(records, r)
	}
	return records
}

func TestHandlerFollowsTheRulesOfSlog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		out.Reset()
		return telemetry.NewLogger(&out, telemetry.LogConfig{Format: "json"}).Handler()
	}, func(t *testing.T) map[string]any { return decode(t, out.Bytes())[0] })
}

func TestIDsStandAtTheTop(t *testing.T) {
	t.Parallel()
	records, span := logged(t, slog.LevelInfo, func(ctx context.Context, log *slog.Logger) {
		log.InfoContext(ctx, "plain")
		log.With("a", 1).WithGroup("g").With("b", 2).WithGroup("h").InfoContext(ctx, "grouped", "c", 3)
	})
	for _, r := range records {
		require.Equal(t, span.SpanContext().TraceID().String(), r["trace_id"])
		require.Equal(t, span.SpanContext().SpanID().String(), r["span_id"])
	}
	require.EqualValues(t, 1, records[1]["a"])
	require.Equal(t, map[string]any{"b": 2.0, "h": map[string]any{"c": 3.0}}, records[1]["g"])
}

func TestNoSpanNoIDs(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	telemetry.NewLogger(&out, telemetry.LogConfig{Format: "json"}).Info("x")
	require.NotContains(t, out.String(), "trace_id")

	out.Reset()
	telemetry.NewLogger(&out, telemetry.LogConfig{Format: "text"}).Info("x", "k", "v")
	require.Contains(t, out.String(), `msg=x k=v`)
}

func TestDurationsHaveAUnit(t *testing.T) {
	t.Parallel()
	const d = 5131 * time.Microsecond
	records, span := logged(t, slog.LevelInfo, func(ctx context.Context, log *slog.Logger) {
		log.With("first", d).WithGroup("g").InfoContext(ctx, "run finished", "second", d, slog.Group("h", "third", any(d)), "count", 5131000)
	})
	require.Equal(t, "5.131ms", records[0]["first"])
	require.Equal(t, map[string]any{"second": "5.131ms", "h": map[string]any{"third": "5.131ms"}, "count": 5131000.0}, records[0]["g"])
	require.Contains(t, span.Events()[0].Attributes, attribute.String("g.second", "5.131ms"))
}

func TestRecordsBecomeEvents(t *testing.T) {
	t.Parallel()
	_, span := logged(t, slog.LevelDebug, func(ctx context.Context, log *slog.Logger) {
		log.DebugContext(ctx, "too small to tell")
		log.With("service", "billing").WithGroup("job").ErrorContext(ctx, "run failed",
			"attempt", 2, "ok", false, "ratio", 0.5, "error", errors.New("no paper"), "password", secret.String("hunter2"),
			slog.Group("sink", "token", 7))
	})
	require.Len(t, span.Events(), 1)
	event := span.Events()[0]
	require.Equal(t, "run failed", event.Name)
	require.ElementsMatch(t, []attribute.KeyValue{
		attribute.String("level", "ERROR"), attribute.String("service", "billing"),
		attribute.Int("job.attempt", 2), attribute.Bool("job.ok", false), attribute.Float64("job.ratio", 0.5),
		attribute.String("job.error", "no paper"), attribute.String("job.password", "[redacted]"), attribute.Int("job.sink.token", 7),
	}, event.Attributes)
}

func TestEventsAreBounded(t *testing.T) {
	t.Parallel()
	records, span := logged(t, slog.LevelInfo, func(ctx context.Context, log *slog.Logger) {
		attrs := []any{"long", strings.Repeat("x", 5000)}
		for i := range 100 {
			attrs = append(attrs, fmt.Sprint("k", i), i)
		}
		log.InfoContext(ctx, "many", attrs...)
	})
	event := span.Events()[0]
	require.LessOrEqual(t, len(event.Attributes), 16)
	for _, a := range event.Attributes {
		require.LessOrEqual(t, len(a.Value.AsString()), 1100)
	}
	require.Len(t, records[0]["long"], 5000, "the log itself has everything")
	require.Contains(t, records[0], "k99")
}

func TestRemoteSpanGivesIDsOnly(t *testing.T) {
	t.Parallel()
	remote := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, Remote: true})
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, telemetry.LogConfig{Format: "json"})
	log.InfoContext(trace.ContextWithSpanContext(t.Context(), remote), "x")
	require.Equal(t, remote.TraceID().String(), decode(t, out.Bytes())[0]["trace_id"])
}

func ExampleNewLogger() {
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, telemetry.LogConfig{Level: slog.LevelInfo, Format: "json"})
	ctx := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{0xab}, SpanID: trace.SpanID{0xcd},
	}))
	log.InfoContext(ctx, "run finished", "job", "close_overdue")

	_, record, _ := strings.Cut(out.String(), `"level"`) // the time differs
	fmt.Print(record)
	// Output: :"INFO","msg":"run finished","job":"close_overdue","trace_id":"ab000000000000000000000000000000","span_id":"cd00000000000000"}
}
