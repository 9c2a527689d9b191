package telemetry_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"example.com/baton/platform/identity"
	"example.com/baton/platform/telemetry"
)

func TestMain(m *testing.M) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) // collectors are down on purpose here
	goleak.VerifyTestMain(m)
}

var billing = identity.Service{Name: "billing", Instance: "billing-1", Version: "1.2.3"}

func noEnv(string) string { return "" }

// sink is a collector that keeps what it gets.
type sink struct {
	collector.UnimplementedTraceServiceServer
	got chan *tracepb.ResourceSpans
}

func (s *sink) Export(_ context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	for _, spans := range r.GetResourceSpans() {
		s.got <- spans
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

func newSink(t *testing.T) (*sink, string) {
	t.Helper()
	listener := listen(t)
	s := &sink{got: make(chan *tracepb.ResourceSpans, 100)}
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, s)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-served
	})
	return s, listener.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

func start(t *testing.T, endpoint string, getenv func(string) string) *telemetry.Telemetry {
	t.Helper()
	cfg := telemetry.DefaultConfig()
	cfg.OTLP.Endpoint = endpoint
	tel, err := telemetry.New(t.Context(), cfg, billing, getenv)
	require.NoError(t, err)
	t.Cleanup(func() { _ = tel.Shutdown(context.WithoutCancel(t.Context())) })
	return tel
}

func span(t *testing.T, tel *telemetry.Telemetry, name string, opts ...trace.SpanStartOption) {
	t.Helper()
	_, s := tel.TracerProvider().Tracer("test").Start(t.Context(), name, opts...)
	s.End()
}

func TestSpansArriveSoonAndSayWhoSentThem(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"", "http://"} {
		collector, address := newSink(t)
		tel := start(t, scheme+address, noEnv)
		span(t, tel, "run close_overdue")

		var got *tracepb.ResourceSpans
		select {
		case got = <-collector.got:
		case <-time.After(10 * time.Second):
			t.Fatal("no span without a shutdown")
		}
		require.Equal(t, "run close_overdue", got.GetScopeSpans()[0].GetSpans()[0].GetName())
		attributes := map[string]string{}
		for _, a := range got.GetResource().GetAttributes() {
			attributes[a.GetKey()] = a.GetValue().GetStringValue()
		}
		require.Equal(t, "billing", attributes["service.name"])
		require.Equal(t, "1.2.3", attributes["service.version"])
		require.Equal(t, "billing-1", attributes["service.instance.id"])
		for _, key := range []string{"host.name", "process.pid", "process.runtime.version", "telemetry.sdk.name"} {
			require.Contains(t, attributes, key)
		}
		for _, key := range []string{"process.command_args", "process.command", "process.owner"} {
			require.NotContains(t, attributes, key, "may hold secrets")
		}
	}
}

func TestShutdownDeliversWhatIsLeft(t *testing.T) {
	t.Parallel()
	collector, address := newSink(t)
	tel := start(t, address, noEnv)
	span(t, tel, "last")
	require.NoError(t, tel.Shutdown(t.Context()))
	require.Len(t, collector.got, 1)
	require.NoError(t, tel.Shutdown(t.Context()), "a second call is allowed")
}

func TestCollectorThatIsDownDelaysTheEndForAFewSeconds(t *testing.T) {
	t.Parallel()
	closed := listen(t)
	require.NoError(t, closed.Close())
	blackHole := listen(t) // the kernel completes connections that nobody accepts

	for name, address := range map[string]string{"refused": closed.Addr().String(), "black hole": blackHole.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tel := start(t, address, noEnv)
			for range 5000 { // more than the queue holds
				span(t, tel, "lost")
			}
			began := time.Now()
			require.Error(t, tel.Shutdown(t.Context()))
			require.Less(t, time.Since(began), telemetry.ShutdownTimeout+time.Second)
		})
	}
}

func TestHTTPSMeansTLS(t *testing.T) {
	t.Parallel()
	listener := listen(t)
	tel := start(t, "https://"+listener.Addr().String(), noEnv)
	span(t, tel, "x")
	conn, err := listener.Accept()
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	first := make([]byte, 1)
	_, err = io.ReadFull(conn, first)
	require.NoError(t, err)
	require.Equal(t, byte(22), first[0], "a TLS handshake record")
}

func TestNothingIsExportedUnlessAskedFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		endpoint bool
		env      map[string]string
		want     int
	}{
		"nothing configured": {want: 0},
		"endpoint":           {endpoint: true, want: 1},
		"SDK disabled":       {endpoint: true, env: map[string]string{"OTEL_SDK_DISABLED": "true"}, want: 0},
		"no exporter":        {endpoint: true, env: map[string]string{"OTEL_TRACES_EXPORTER": "none"}, want: 0},
	} {
		collector, address := newSink(t)
		if !c.endpoint {
			address = ""
		}
		tel := start(t, address, func(key string) string { return c.env[key] })
		span(t, tel, "x")
		require.NoError(t, tel.Shutdown(t.Context()))
		require.Len(t, collector.got, c.want, name)
	}
}

func TestStandardVariables(t *testing.T) {
	collector, address := newSink(t)
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://"+address)
	t.Setenv("OTEL_SERVICE_NAME", "renamed")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.name=not-this,service.instance.id=nor-this")
	tel := start(t, "", func(key string) string {
		return map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "set", "OTEL_SERVICE_NAME": "renamed"}[key]
	})
	span(t, tel, "x")
	require.NoError(t, tel.Shutdown(t.Context()))
	attributes := map[string]string{}
	for _, a := range (<-collector.got).GetResource().GetAttributes() {
		attributes[a.GetKey()] = a.GetValue().GetStringValue()
	}
	require.Equal(t, "renamed", attributes["service.name"])
	require.Equal(t, "billing-1", attributes["service.instance.id"])
	require.Equal(t, "test", attributes["deployment.environment.name"])
}

func TestNoiseStartsNoTrace(t *testing.T) {
	t.Parallel()
	tel := start(t, "", noEnv)
	tracer := tel.TracerProvider().Tracer("test")
	client := trace.WithSpanKind(trace.SpanKindClient)
	sampled := func(ctx context.Context, name string, opts ...trace.SpanStartOption) (context.Context, bool) {
		ctx, s := tracer.Start(ctx, name, opts...)
		defer s.End()
		return ctx, s.SpanContext().IsSampled()
	}

	_, ok := sampled(t.Context(), "etcdserverpb.Lease/LeaseGrant", client)
	require.False(t, ok, "a client call that belongs to nothing")
	for _, kind := range []trace.SpanKind{trace.SpanKindInternal, trace.SpanKindProducer, trace.SpanKindConsumer, trace.SpanKindServer} {
		_, ok = sampled(t.Context(), "work", trace.WithSpanKind(kind))
		require.True(t, ok, kind)
	}
	run, _ := sampled(t.Context(), "run")
	_, ok = sampled(run, "etcdserverpb.KV/Txn", client)
	require.True(t, ok, "a client call of a run")
	_, ok = sampled(run, "etcdserverpb.Watch/Watch", client)
	require.False(t, ok, "a stream that lasts as long as the process")
	noise, _ := sampled(t.Context(), "etcdserverpb.KV/Range", client)
	_, ok = sampled(noise, "below noise")
	require.False(t, ok)
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	for endpoint, ok := range map[string]bool{
		"": true, "localhost:4317": true, "http://c:4317": true, "https://c:4317": true, "[::1]:4317": true,
		"c": false, "http://c": false, "ftp://c:1": false, "http://user@c:1": false, "http://c:1?x=1": false, ":4317": false, "http://": false, "%": false,
	} {
		cfg := telemetry.DefaultConfig()
		cfg.OTLP.Endpoint = endpoint
		if err := cfg.Validate(); ok {
			require.NoError(t, err, endpoint)
		} else {
			require.ErrorContains(t, err, "otlp.endpoint", endpoint)
		}
	}
}
