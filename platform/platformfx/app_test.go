package platformfx_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"go.uber.org/fx"
	"go.uber.org/fx/fxtest"
	"google.golang.org/grpc"
	"net"

	"example.com/baton/platform/config"
	"example.com/baton/platform/httpserver"
	"example.com/baton/platform/httpserver/httpserverfx"
	"example.com/baton/platform/identity"
	"example.com/baton/platform/platformfx"
)

var anyPort = "BILLING_HTTP__ADDRESS=127.0.0.1:0"

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
	var server *httpserver.Server
	ask := func(path string, code int) func(context.Context) error {
		return func(ctx context.Context) error {
			got, body, err := status(ctx, server, path)
			require.NoError(t, err)
			require.Equal(t, code, got, body)
			return nil
		}
	}
	all := func(fs ...func(context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error {
			for _, f := range fs {
				require.NoError(t, f(ctx))
			}
			return nil
		}
	}
	// A route's dependency with hooks of its own: what it needs to start must not keep /livez away.
	type store struct{}
	app := fxtest.New(t, platformfx.App("billing", config.Input{Env: []string{anyPort}},
		jobsForTests,
		fx.Provide(func(lc fx.Lifecycle) store {
			lc.Append(fx.StartStopHook(
				all(ask("/livez", 200), ask("/readyz", 503), ask("/metrics", 200)),
				all(ask("/livez", 200), ask("/readyz", 503)),
			))
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
	code, body, err := status(t.Context(), server, "/readyz")
	require.NoError(t, err)
	require.Equal(t, 200, code)
	require.JSONEq(t, `{"status":"ok","checks":{"store":{"status":"ok"}}}`, body)
	app.RequireStop()
}

type sink struct {
	collector.UnimplementedTraceServiceServer
	names chan string
}

func (s *sink) Export(_ context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	for _, resource := range r.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				s.names <- span.GetName()
			}
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

func TestTelemetryEndsLast(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &sink{names: make(chan string, 10)}
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, s)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		server.Stop()
		<-served
	}()

	app := fxtest.New(t, platformfx.App("billing",
		config.Input{Env: []string{anyPort, "BILLING_TELEMETRY__OTLP__ENDPOINT=" + listener.Addr().String()}},
		jobsForTests,
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
	require.Equal(t, "last words", <-s.names)
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	for env, want := range map[string]string{"BILLING_INSTANCE__ID=billing-1": `^billing-1$`, "BILLING_INSTANCE__ID=": `^.+-\d+$`} {
		var who identity.Service
		app := fx.New(platformfx.App("billing", config.Input{Env: []string{anyPort, env}}, jobsForTests, fx.Populate(&who)))
		require.NoError(t, app.Err())
		require.Equal(t, "billing", who.Name)
		require.Regexp(t, want, who.Instance)
		require.NotEmpty(t, who.Version)
	}
}
