// Package httpserverfx puts the HTTP server into an fx graph.
//
// Routes and readiness checks are contributed from anywhere with [Route] and [Ready]. The server does
// not depend on them: it is bound first and told of them afterwards, so that it starts before, and
// stops after, whatever the routes need.
package httpserverfx

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/fx"

	"example.com/baton/platform/config/configfx"
	"example.com/baton/platform/httpserver"
	"example.com/baton/platform/lifecyclefx"
)

const (
	routes = `group:"http.routes"`
	checks = `group:"http.checks"`
)

// Module declares the section http and provides *httpserver.Server, which only listens with Serve.
var Module = fx.Module("http",
	configfx.Section("http", httpserver.DefaultConfig()),
	fx.Provide(New),
)

// Serve makes the app listen and answer. It comes before the options of other parts that run.
var Serve = fx.Module("http serve",
	fx.Invoke(start),
	fx.Invoke(mount),
)

// Open makes /readyz answer by the checks once everything else in the app has started, and makes it
// answer 503 before anything is stopped. It comes after all other options; it is no module, because fx
// invokes the functions of modules first.
var Open = fx.Invoke(func(lc fx.Lifecycle, s *httpserver.Server) {
	lc.Append(fx.StartStopHook(s.Ready, s.Drain))
})

// Route adds a route. constructor returns an httpserver.Route, and may return an error.
func Route(constructor any) fx.Option {
	return fx.Provide(fx.Annotate(constructor, fx.ResultTags(routes)))
}

// Ready adds a readiness check. constructor returns an httpserver.Check, and may return an error.
func Ready(constructor any) fx.Option {
	return fx.Provide(fx.Annotate(constructor, fx.ResultTags(checks)))
}

// Params are what New needs.
type Params struct {
	fx.In

	Config     httpserver.Config
	Log        *slog.Logger
	Traces     trace.TracerProvider
	Metrics    metric.MeterProvider
	Propagator propagation.TextMapPropagator
}

// New builds the server.
func New(p Params) *httpserver.Server {
	return httpserver.New(p.Config, httpserver.Instruments{
		Traces: p.Traces, Metrics: p.Metrics, Propagator: p.Propagator,
	}, p.Log)
}

func start(lc fx.Lifecycle, loops *lifecyclefx.Loops, s *httpserver.Server, log *slog.Logger) {
	lc.Append(fx.StartHook(func(ctx context.Context) error {
		if err := s.Listen(ctx); err != nil {
			return err
		}
		log.InfoContext(ctx, "http server listens", "address", s.Addr().String())
		return nil
	}))
	lifecyclefx.Go(loops, "http server", s.Serve)
}

// MountParams are the routes and checks of the graph.
type MountParams struct {
	fx.In

	Server *httpserver.Server
	Routes []httpserver.Route `group:"http.routes"`
	Checks []httpserver.Check `group:"http.checks"`
}

func mount(p MountParams) error {
	for _, r := range p.Routes {
		if err := p.Server.Handle(r); err != nil {
			return err
		}
	}
	for _, c := range p.Checks {
		if err := p.Server.AddCheck(c); err != nil {
			return err
		}
	}
	return nil
}
