package otlprelay_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"example.com/baton/tools/internal/otlprelay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// backend is a receiver that refuses or fails as told and remembers what it accepted.
type backend struct {
	collector.UnimplementedTraceServiceServer
	address string
	answer  func(name string) error
	got     chan string
}

func (b *backend) Export(_ context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	name := r.ResourceSpans[0].ScopeSpans[0].Spans[0].Name
	if b.answer != nil {
		if err := b.answer(name); err != nil {
			return nil, err
		}
	}
	b.got <- name
	return &collector.ExportTraceServiceResponse{}, nil
}

func startBackend(t *testing.T, answer func(string) error) *backend {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	b := &backend{address: l.Addr().String(), answer: answer, got: make(chan string, 1000)}
	s := grpc.NewServer()
	collector.RegisterTraceServiceServer(s, b)
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { s.Stop(); <-done })
	return b
}

func dial(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	return conn
}

func startRelay(t *testing.T, limit int) (*otlprelay.Relay, func(name string)) {
	t.Helper()
	r, err := otlprelay.Start("127.0.0.1:0", limit)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	conn := dial(t, r.Address())
	t.Cleanup(func() { conn.Close() })
	client := collector.NewTraceServiceClient(conn)
	return r, func(name string) {
		_, err := client.Export(t.Context(), request(name))
		require.NoError(t, err)
	}
}

func request(name string) *collector.ExportTraceServiceRequest {
	return &collector.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{
		ScopeSpans: []*trace.ScopeSpans{{Spans: []*trace.Span{{Name: name}}}},
	}}}
}

func drained(t *testing.T, r *otlprelay.Relay) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r.Drain(ctx)
	require.NoError(t, ctx.Err(), "not drained: %+v", r.Spans())
}

func TestSpansWaitForTheReceiverAndArriveInOrder(t *testing.T) {
	t.Parallel()
	relay, send := startRelay(t, 0)
	for i := range 10 {
		send(fmt.Sprint(i))
	}
	require.Equal(t, 10, relay.Spans().Waiting())

	b := startBackend(t, nil)
	relay.Deliver(dial(t, b.address))
	send("10")
	for i := range 11 {
		require.Equal(t, fmt.Sprint(i), <-b.got)
	}
	drained(t, relay)
	require.Equal(t, otlprelay.Spans{Received: 11, Delivered: 11}, relay.Spans())
}

func TestTheOldestGiveWay(t *testing.T) {
	t.Parallel()
	relay, send := startRelay(t, 3*proto.Size(request("a")))
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		send(name)
	}
	require.Equal(t, otlprelay.Spans{Received: 5, Dropped: 2}, relay.Spans())

	b := startBackend(t, nil)
	relay.Deliver(dial(t, b.address))
	require.Equal(t, "c", <-b.got)
	drained(t, relay)
}

func TestARequestLargerThanTheQueueIsDropped(t *testing.T) {
	t.Parallel()
	relay, send := startRelay(t, proto.Size(request("a")))
	send("a")
	send("far too long")
	require.Equal(t, otlprelay.Spans{Received: 2, Dropped: 1}, relay.Spans())
	require.Equal(t, 1, relay.Spans().Waiting(), "the request that fits stays")
}

func TestAReceiverThatFailsIsAskedAgainOneThatRefusesIsNot(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	tries := map[string]int{}
	b := startBackend(t, func(name string) error {
		mu.Lock()
		defer mu.Unlock()
		tries[name]++
		switch {
		case name == "unlucky" && tries[name] == 1:
			return status.Error(codes.Unavailable, "later")
		case name == "bad":
			return status.Error(codes.InvalidArgument, "never")
		}
		return nil
	})
	relay, send := startRelay(t, 0)
	relay.Deliver(dial(t, b.address))
	send("bad")
	send("unlucky")
	require.Equal(t, "unlucky", <-b.got)
	drained(t, relay)
	require.Equal(t, otlprelay.Spans{Received: 2, Delivered: 1, Dropped: 1}, relay.Spans())
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, map[string]int{"bad": 1, "unlucky": 2}, tries)
}

func TestCloseDoesNotWaitForAReceiverThatIsAway(t *testing.T) {
	t.Parallel()
	relay, send := startRelay(t, 0)
	relay.Deliver(dial(t, "127.0.0.1:1"))
	send("a")
	done := make(chan struct{})
	go func() { defer close(done); relay.Close() }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		require.FailNow(t, "Close hangs")
	}
}
