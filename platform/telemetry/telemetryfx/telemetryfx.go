// Package telemetryfx puts the logger and the OpenTelemetry providers into an fx graph.
package telemetryfx

import (
	"context"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/fx"

	"example.com/baton/platform/config/configfx"
	"example.com/baton/platform/identity"
	"example.com/baton/platform/telemetry"
)

// Module declares the sections log and telemetry, and provides *slog.Logger (to standard error),
// *telemetry.Telemetry and its providers. It has to come before every module that starts something,
// so that its own end comes after theirs.
var Module = fx.Module("telemetry",
	configfx.Section("log", telemetry.DefaultLogConfig()),
	configfx.Section("telemetry", telemetry.DefaultConfig()),
	fx.Provide(
		func(cfg telemetry.LogConfig) *slog.Logger { return telemetry.NewLogger(os.Stderr, cfg) },
		New,
		func(t *telemetry.Telemetry) trace.TracerProvider { return t.TracerProvider() },
		func(t *telemetry.Telemetry) metric.MeterProvider { return t.MeterProvider() },
		func(t *telemetry.Telemetry) propagation.TextMapPropagator { return t.Propagator() },
	),
	fx.Invoke(func(*telemetry.Telemetry) {}),
)

// Params are what New needs.
type Params struct {
	fx.In

	Lifecycle fx.Lifecycle
	Config    telemetry.Config
	Service   identity.Service
	Log       *slog.Logger
}

// New starts the SDK and stops it with the app. Spans that could not be delivered do not make
// stopping fail.
func New(p Params) (*telemetry.Telemetry, error) {
	t, err := telemetry.New(context.Background(), p.Config, p.Service, os.Getenv)
	if err != nil {
		return nil, err
	}
	telemetry.HandleErrors(p.Log)
	p.Lifecycle.Append(fx.StopHook(func(ctx context.Context) {
		if err := t.Shutdown(ctx); err != nil {
			p.Log.WarnContext(ctx, "telemetry not delivered", "error", err)
		}
	}))
	return t, nil
}
