package telemetry

import (
	"cmp"
	"context"
	"errors"

	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"example.com/baton/platform/identity"
)

// newResource describes the process. The command line is left out on purpose: it holds whatever was
// given as a flag. OTEL_RESOURCE_ATTRIBUTES adds to it; the service keeps its own name unless
// OTEL_SERVICE_NAME says otherwise.
func newResource(ctx context.Context, service identity.Service, getenv func(string) string) (*resource.Resource, error) {
	res, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithHost(),
		resource.WithProcessPID(),
		resource.WithProcessRuntimeName(),
		resource.WithProcessRuntimeVersion(),
		resource.WithFromEnv(),
		resource.WithAttributes(
			semconv.ServiceName(cmp.Or(getenv("OTEL_SERVICE_NAME"), service.Name)),
			semconv.ServiceVersion(service.Version),
			semconv.ServiceInstanceID(service.Instance),
		),
	)
	// A malformed OTEL_RESOURCE_ATTRIBUTES still yields the rest of the resource; tracing under an
	// incomplete description is better than not starting.
	if errors.Is(err, resource.ErrPartialResource) || errors.Is(err, resource.ErrSchemaURLConflict) {
		return res, nil
	}
	return res, err
}
