package httpserverfx_test

import (
	"context"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/fx"
	"go.uber.org/fx/fxtest"
	"go.uber.org/goleak"

	"example.com/baton/platform/config"
	"example.com/baton/platform/config/configfx"
	"example.com/baton/platform/httpserver"
	"example.com/baton/platform/httpserver/httpserverfx"
	"example.com/baton/platform/lifecyclefx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func server(opts ...fx.Option) fx.Option {
	return fx.Options(
		fx.NopLogger,
		configfx.Load(config.Input{Service: "billing", Env: []string{"BILLING_HTTP__ADDRESS=127.0.0.1:0"}}),
		lifecyclefx.Module, httpserverfx.Module, httpserverfx.Serve,
		fx.Supply(slog.New(slog.DiscardHandler)),
		fx.Provide(
			func() trace.TracerProvider { return tracenoop.NewTracerProvider() },
			func() metric.MeterProvider { return metricnoop.NewMeterProvider() },
			func() propagation.TextMapPropagator { return propagation.TraceContext{} },
		),
		fx.Options(opts...),
		httpserverfx.Open,
	)
}

func route(pattern string) func() httpserver.Route {
	return func() httpserver.Route {
		return httpserver.Route{Pattern: pattern, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
		})}
	}
}

func check(name string) func() httpserver.Check {
	return func() httpserver.Check {
		return httpserver.Check{Name: name, Func: func(context.Context) error { return nil }}
	}
}

func get(t *testing.T, s *httpserver.Server, path string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr().String()+path, nil)
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer.StatusCode
}

func TestRoutesAndChecksOfTheGraphAreServed(t *testing.T) {
	t.Parallel()
	var s *httpserver.Server
	var whileStarting int
	app := fxtest.New(t, server(
		httpserverfx.Route(route("GET /a")), httpserverfx.Route(route("GET /b")), httpserverfx.Ready(check("store")),
		fx.Invoke(func(lc fx.Lifecycle, s *httpserver.Server) {
			lc.Append(fx.StartHook(func() { whileStarting = get(t, s, "/readyz") }))
		}),
		fx.Populate(&s),
	))
	app.RequireStart()
	require.Equal(t, http.StatusServiceUnavailable, whileStarting)
	require.Equal(t, http.StatusOK, get(t, s, "/readyz"))
	require.Equal(t, http.StatusTeapot, get(t, s, "/a"))
	require.Equal(t, http.StatusTeapot, get(t, s, "/b"))
	app.RequireStop()
}

func TestConflictsKeepTheAppFromStarting(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, fx.New(server(httpserverfx.Route(route("GET /a")), httpserverfx.Route(route("GET /a")))).Err(), `http route "GET /a"`)
	require.ErrorContains(t, fx.New(server(httpserverfx.Ready(check("x")), httpserverfx.Ready(check("x")))).Err(), `readiness check "x" is declared twice`)
}
