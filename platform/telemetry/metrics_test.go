package telemetry_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/baton/platform/telemetry"
)

func scrape(t *testing.T, tel *telemetry.Telemetry) string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil)
	r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	w := httptest.NewRecorder()
	tel.MetricsHandler().ServeHTTP(w, r)
	require.Equal(t, 200, w.Code)
	return w.Body.String()
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	tel := start(t, "", noEnv)
	durations, err := tel.MeterProvider().Meter("some/package").Float64Histogram("job.run.duration")
	require.NoError(t, err)
	ctx, s := tel.TracerProvider().Tracer("test").Start(t.Context(), "run")
	durations.Record(ctx, 0.2)
	s.End()

	text := scrape(t, tel)
	require.Contains(t, text, "job_run_duration_count")
	require.Contains(t, text, `trace_id="`+s.SpanContext().TraceID().String()+`"`, "an exemplar")
	require.Contains(t, text, "go_goroutine_count")
	require.Contains(t, text, "process_start_time_seconds")
	require.Contains(t, text, `service_instance_id="billing-1"`, "target_info")
	require.NotContains(t, text, "otel_scope")
}

func TestRuntimeMetricsCanBeLeftOut(t *testing.T) {
	t.Parallel()
	cfg := telemetry.DefaultConfig()
	cfg.RuntimeMetrics = false
	tel, err := telemetry.New(t.Context(), cfg, billing, noEnv)
	require.NoError(t, err)
	for line := range strings.Lines(scrape(t, tel)) {
		require.False(t, strings.HasPrefix(line, "go_") || strings.HasPrefix(line, "process_"), line)
	}
}
