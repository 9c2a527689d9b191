// Package telemetry owns the OpenTelemetry SDK of a process: traces over OTLP, metrics for
// Prometheus, and logs that carry trace ids.
//
// Instrumented code depends on the OpenTelemetry API and is handed providers; only this package knows
// the SDK. It sets no global provider. The one global it can set is the SDK's error handler, which
// has no other door ([HandleErrors]).
//
// Nothing is exported unless an endpoint is configured, by telemetry.otlp.endpoint or by the standard
// variables OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_TRACES_ENDPOINT. Spans are handed over
// within half a second, since a crash loses what was not. A collector that does not answer costs
// spans, never the work of the service, and at most [ShutdownTimeout] at its end.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"example.com/baton/platform/identity"
)

const (
	// ShutdownTimeout bounds Shutdown, whatever its context allows.
	ShutdownTimeout = 3 * time.Second
	// abortTimeout is the part of it in which exports that were given up come to their end.
	abortTimeout = ShutdownTimeout / 6
)

// Telemetry holds the providers of a process. It is safe for concurrent use.
type Telemetry struct {
	traces   *sdktrace.TracerProvider
	metrics  *sdkmetric.MeterProvider
	registry *prometheus.Registry
	drain    *drain // nil when nothing is exported

	shutdown    sync.Once
	shutdownErr error
}

// New starts the SDK. getenv is os.Getenv or a stand-in that decides whether the standard variables
// ask for an export; the exporter itself reads the further OTEL_EXPORTER_OTLP_* variables (headers,
// certificates, compression) from the process.
func New(ctx context.Context, cfg Config, service identity.Service, getenv func(string) string) (*Telemetry, error) {
	res, err := newResource(ctx, service, getenv)
	if err != nil {
		return nil, fmt.Errorf("telemetry: resource: %w", err)
	}
	t := &Telemetry{}
	if t.metrics, t.registry, err = newMetrics(cfg, res); err != nil {
		return nil, fmt.Errorf("telemetry: metrics: %w", err)
	}
	if t.traces, t.drain, err = newTraces(ctx, cfg.OTLP, res, getenv); err != nil {
		return nil, fmt.Errorf("telemetry: traces: %w", err)
	}
	return t, nil
}

// TracerProvider returns the provider of tracers.
func (t *Telemetry) TracerProvider() trace.TracerProvider { return t.traces }

// MeterProvider returns the provider of meters.
func (t *Telemetry) MeterProvider() metric.MeterProvider { return t.metrics }

// Propagator returns how trace contexts cross processes: W3C trace context and baggage.
func (t *Telemetry) Propagator() propagation.TextMapPropagator {
	return propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
}

// MetricsHandler serves the metrics to Prometheus. Scraped as OpenMetrics they carry exemplars, the
// trace ids of sampled measurements.
func (t *Telemetry) MetricsHandler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{EnableOpenMetrics: true, Registry: t.registry})
}

// Shutdown exports what is left and stops the SDK. It takes at most ShutdownTimeout; what could not be
// delivered by then, or when ctx ended, is lost, and the error says how much. Further calls return
// the first result.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	t.shutdown.Do(func() { t.shutdownErr = t.stop(ctx) })
	return t.shutdownErr
}

func (t *Telemetry) stop(ctx context.Context) error {
	exports, cancel := context.WithTimeout(ctx, ShutdownTimeout-abortTimeout)
	defer cancel()
	// Longer than the exports: the SDK's own goroutines end in that time.
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), ShutdownTimeout)
	defer cancel()
	if t.drain == nil {
		return errors.Join(t.traces.Shutdown(whole), t.metrics.Shutdown(whole))
	}
	end := t.drain.begin(exports)
	defer end()
	return errors.Join(t.traces.Shutdown(whole), t.drain.err(), t.metrics.Shutdown(whole))
}
