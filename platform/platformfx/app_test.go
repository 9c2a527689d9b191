package platformfx_test

import (
	"context"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/fx"
	"go.uber.org/fx/fxtest"
	"google.golang.org/grpc"

	"example.com/baton/platform/config"
	"example.com/baton/platform/etcdtest"
	"example.com/baton/platform/httpserver"
	"example.com/baton/platform/httpserver/httpserverfx"
	"example.com/baton/platform/identity"
	"example.com/baton/platform/platformfx"
	"example.com/baton/platform/scheduling"
	"example.com/baton/platform/scheduling/schedulingfx"
)

// alone is a service that needs nothing of the machine: any port, and no etcd.
func alone(settings ...string) config.Input {
	return config.Input{Env: append([]string{"BILLING_HTTP__ADDRESS=127.0.0.1:0", "BILLING_ETCD__ENDPOINTS=127.0.0.1:1"}, settings...)}
}

func TestGraphIsComplete(t *testing.T) {
	t.Parallel()
	require.NoError(t, fx.ValidateApp(platformfx.App("billing", config.Input{}, service)))
}

func TestEveryKeyIsDocumented(t *testing.T) {
	t.Parallel()
	sections, err := platformfx.Sections("billing")
	require.NoError(t, err)
	entries, err := config.Reference(sections)
	require.NoError(t, err)
	require.Greater(t, len(entries), 15)
	for _, e := range entries {
		require.NotEmpty(t, e.Doc, e.Key)
	}
}

// status asks the server from inside of the app.
func status(ctx context.Context, s *httpserver.Server, path string) (int, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Addr().String()+path, nil)
	if err != nil {
		return 0, "", err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(body), err
}

func TestHealthAnswersBeforeAndAfterTheRestOfTheApp(t *testing.T) {
	t.Parallel()
	etcd := etcdtest.Start(t)
	var server *httpserver.Server
	expect := func(ctx context.Context, path string, code int) {
		got, body, err := status(ctx, server, path)
		require.NoError(t, err)
		require.Equal(t, code, got, body)
	}
	// What a route depends on may take its time to start: that must not keep /livez away.
	type store struct{}
	notReady := func(ctx context.Context) {
		expect(ctx, "/livez", 200)
		expect(ctx, "/readyz", 503)
		expect(ctx, "/metrics", 200)
	}
	app := fxtest.New(t, platformfx.App("billing", alone("BILLING_ETCD__ENDPOINTS="+etcd.Endpoint),
		jobs,
		fx.Provide(func(lc fx.Lifecycle) store {
			lc.Append(fx.StartStopHook(notReady, notReady))
			return store{}
		}),
		httpserverfx.Route(func(store) httpserver.Route {
			return httpserver.Route{Pattern: "GET /hello", Handler: http.NotFoundHandler()}
		}),
		httpserverfx.Ready(func(store) httpserver.Check {
			return httpserver.Check{Name: "store", Func: func(context.Context) error { return nil }}
		}),
		fx.Populate(&server),
	))
	app.RequireStart()
	require.Eventually(t, func() bool {
		code, _, err := status(t.Context(), server, "/readyz")
		return err == nil && code == 200
	}, 20*time.Second, 20*time.Millisecond)
	_, body, err := status(t.Context(), server, "/readyz")
	require.NoError(t, err)
	require.JSONEq(t, `{"status":"ok","checks":{"store":{"status":"ok"},"election":{"status":"ok"}}}`, body)
	app.RequireStop()
}

// sink is a collector of traces.
type sink struct {
	collector.UnimplementedTraceServiceServer
	spans chan *tracepb.Span
}

func (s *sink) Export(_ context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	for _, resource := range r.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				s.spans <- span
			}
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

// newSink returns a collector and the setting that makes a service use it.
func newSink(t *testing.T) (s *sink, setting string) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s = &sink{spans: make(chan *tracepb.Span, 1000)}
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, s)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		<-served
	})
	return s, "BILLING_TELEMETRY__OTLP__ENDPOINT=" + listener.Addr().String()
}

func TestTelemetryEndsLast(t *testing.T) {
	t.Parallel()
	s, setting := newSink(t)
	app := fxtest.New(t, platformfx.App("billing", alone(setting),
		jobs,
		// Provided for a module of the platform, so constructed as early as anything of a service can be.
		httpserverfx.Route(func(lc fx.Lifecycle, traces trace.TracerProvider) httpserver.Route {
			lc.Append(fx.StopHook(func(ctx context.Context) {
				_, span := traces.Tracer("test").Start(ctx, "last words")
				span.End()
			}))
			return httpserver.Route{Pattern: "GET /x", Handler: http.NotFoundHandler()}
		}),
	))
	app.RequireStart().RequireStop()
	require.Equal(t, "last words", (<-s.spans).GetName())
}

// ticker is a use case that tells when it ran.
type ticker struct{ ran chan scheduling.Run }

func (c ticker) tick(ctx context.Context) error {
	run, _ := scheduling.RunFromContext(ctx)
	select {
	case c.ran <- run:
	default:
	}
	return nil
}

func TestAJobRunsAndIsTraced(t *testing.T) {
	t.Parallel()
	etcd := etcdtest.Start(t)
	s, setting := newSink(t)
	c := ticker{ran: make(chan scheduling.Run, 1)}
	app := fxtest.New(t, platformfx.App("billing", alone(setting, "BILLING_ETCD__ENDPOINTS="+etcd.Endpoint, "BILLING_JOBS__TICK__EVERY=1s"),
		fx.Supply(c),
		schedulingfx.Job("tick", scheduling.Every(time.Hour), ticker.tick),
	))
	app.RequireStart()
	run := <-c.ran
	require.Equal(t, "tick", run.Job)
	require.Positive(t, run.Term.Token)
	app.RequireStop()

	traces := map[string]string{} // span name → trace id
	for len(s.spans) > 0 {
		span := <-s.spans
		traces[span.GetName()] = hex.EncodeToString(span.GetTraceId())
		if span.GetName() == "run tick" {
			break
		}
	}
	require.NotEmpty(t, traces["schedule tick"])
	require.Equal(t, traces["schedule tick"], traces["run tick"], "one occurrence is one trace")
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	for env, want := range map[string]string{"BILLING_INSTANCE__ID=billing-1": `^billing-1$`, "BILLING_INSTANCE__ID=": `^.+-\d+$`} {
		var who identity.Service
		fxtest.New(t, platformfx.App("billing", alone(env), jobs, fx.Populate(&who))).RequireStart().RequireStop()
		require.Equal(t, "billing", who.Name)
		require.Regexp(t, want, who.Instance)
		require.NotEmpty(t, who.Version)
	}
}
