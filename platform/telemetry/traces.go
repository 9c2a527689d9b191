package telemetry

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"example.com/baton/platform/telemetry/spanid"
)

func newTraces(ctx context.Context, cfg OTLP, res *resource.Resource, getenv func(string) string) (*sdktrace.TracerProvider, *drain, error) {
	opts := []sdktrace.TracerProviderOption{
		sdktrace.WithResource(res),
		sdktrace.WithSampler(newSampler()),
		sdktrace.WithIDGenerator(spanid.Generator{}),
	}
	if !exports(cfg, getenv) {
		return sdktrace.NewTracerProvider(opts...), nil, nil
	}
	exporterOpts := []otlptracegrpc.Option{
		otlptracegrpc.WithTimeout(cfg.Timeout),
		otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{
			Enabled: true, InitialInterval: cfg.Timeout / 10, MaxInterval: cfg.Timeout / 2, MaxElapsedTime: cfg.Timeout,
		}),
	}
	if cfg.Endpoint != "" {
		u, err := endpointURL(cfg.Endpoint)
		if err != nil {
			return nil, nil, err
		}
		exporterOpts = append(exporterOpts, otlptracegrpc.WithEndpointURL(u))
	}
	exporter, err := otlptracegrpc.New(ctx, exporterOpts...)
	if err != nil {
		return nil, nil, err
	}
	last := newDrain(exporter)
	opts = append(opts, sdktrace.WithBatcher(last,
		sdktrace.WithBatchTimeout(cfg.BatchTimeout),
		sdktrace.WithExportTimeout(cfg.Timeout),
		sdktrace.WithMaxQueueSize(cfg.QueueSize),
		sdktrace.WithMaxExportBatchSize(min(cfg.QueueSize, sdktrace.DefaultMaxExportBatchSize)),
	))
	return sdktrace.NewTracerProvider(opts...), last, nil
}

// exports reports whether anybody asked for traces to be sent, and nobody forbade it.
func exports(cfg OTLP, getenv func(string) string) bool {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") || getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return cfg.Endpoint != "" ||
		getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" ||
		getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// sampler keeps every trace that begins with work and drops what would only be noise: a client call
// outside of any trace (keep-alives, campaigns, background reads), and etcd's two streams, whose spans
// would last as long as the process and end in an error.
type sampler struct{ traces sdktrace.Sampler }

var _ sdktrace.Sampler = sampler{}

func newSampler() sampler { return sampler{traces: sdktrace.ParentBased(sdktrace.AlwaysSample())} }

var streams = map[string]bool{
	"etcdserverpb.Watch/Watch":          true,
	"etcdserverpb.Lease/LeaseKeepAlive": true,
}

// ShouldSample decides at the start of a span.
func (s sampler) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	parent := trace.SpanContextFromContext(p.ParentContext)
	if p.Kind == trace.SpanKindClient && (!parent.IsValid() || streams[p.Name]) {
		return sdktrace.SamplingResult{Decision: sdktrace.Drop, Tracestate: parent.TraceState()}
	}
	return s.traces.ShouldSample(p)
}

// Description names the sampler.
func (s sampler) Description() string { return "NoClientRoots{" + s.traces.Description() + "}" }
