package e2e

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"example.com/baton/tools/internal/waterfall"
)

func text(key, value string) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: value}}}
}

// The waterfall reads what the real Jaeger answers, kinds of links included.
func TestTheRealJaegerIsUnderstood(t *testing.T) {
	gate(t)
	b := newBench(t)
	b.startJaeger(t)
	require.False(t, b.jaeger.HasUI(t.Context()), "the build from the module has no UI")

	traceID, root, child := make([]byte, 16), make([]byte, 8), make([]byte, 8)
	for _, id := range [][]byte{traceID, root, child} {
		_, _ = rand.Read(id)
	}
	now := uint64(time.Now().UnixNano())
	span := func(id, parent []byte, name string, kind trace.Span_SpanKind, offset, length time.Duration) *trace.Span {
		start := now + uint64(offset)
		return &trace.Span{
			TraceId: traceID, SpanId: id, ParentSpanId: parent, Name: name, Kind: kind,
			StartTimeUnixNano: start, EndTimeUnixNano: start + uint64(length),
			Attributes: []*common.KeyValue{text("job.run.id", "r@1")},
		}
	}
	run := span(child, root, "run r", trace.Span_SPAN_KIND_CONSUMER, time.Millisecond, time.Second)
	run.Status = &trace.Status{Code: trace.Status_STATUS_CODE_ERROR, Message: "boom"}
	run.Links = []*trace.Span_Link{{TraceId: traceID, SpanId: root, Attributes: []*common.KeyValue{text("link.type", "resumes")}}}

	conn, err := grpc.NewClient(b.relay.Address(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	_, err = collector.NewTraceServiceClient(conn).Export(t.Context(), &collector.ExportTraceServiceRequest{
		ResourceSpans: []*trace.ResourceSpans{{
			Resource: &resource.Resource{Attributes: []*common.KeyValue{text("service.name", "s"), text("service.instance.id", "s-1")}},
			ScopeSpans: []*trace.ScopeSpans{{Spans: []*trace.Span{
				span(root, nil, "schedule r", trace.Span_SPAN_KIND_PRODUCER, 0, time.Millisecond), run,
			}}},
		}},
	})
	require.NoError(t, err)

	var got waterfall.Trace
	require.Eventually(t, func() bool {
		got, err = b.jaeger.Run(t.Context(), "r@1")
		return !errors.Is(err, waterfall.ErrNotFound)
	}, 30*time.Second, 100*time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, hex.EncodeToString(traceID), got.ID)
	tree := got.Tree()
	require.Len(t, tree, 1)
	require.Equal(t, "producer", tree[0].Span.Kind)
	require.Len(t, tree[0].Children, 1)
	attempt := tree[0].Children[0].Span
	require.True(t, attempt.Error)
	require.Equal(t, "boom", attempt.Message)
	require.Equal(t, "s-1", attempt.Instance)
	require.Equal(t, []waterfall.Link{{TraceID: got.ID, SpanID: hex.EncodeToString(root), Type: "resumes"}}, attempt.Links)

	recent, err := b.jaeger.Recent(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, recent, 1)
	_, err = b.jaeger.Trace(t.Context(), "0123")
	require.ErrorIs(t, err, waterfall.ErrNotFound)
}
