package schedulingotel_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/electionotel"
	"example.com/baton/platform/election/memelection"
	"example.com/baton/platform/scheduling"
	"example.com/baton/platform/scheduling/gocronsched"
	"example.com/baton/platform/scheduling/memledger"
	"example.com/baton/platform/scheduling/schedulingotel"
	"example.com/baton/platform/telemetry/spanid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is replicas of a service named billing, in the fake time of a synctest
// bubble (which begins at midnight of 1 January 2000, UTC).
type world struct {
	t       *testing.T
	cluster *memelection.Cluster
	ledger  *memledger.Ledger
}

func newWorld(t *testing.T) *world {
	cluster := memelection.NewCluster()
	return &world{t: t, cluster: cluster, ledger: memledger.New(memledger.FenceBy(cluster.Member("observer")))}
}

// replica is one process: its telemetry is its own.
type replica struct {
	t      *testing.T
	spans  *tracetest.SpanRecorder
	reader *sdkmetric.ManualReader
	stop   func()
}

func (w *world) start(instance string, jobs ...scheduling.Job) *replica {
	w.t.Helper()
	r := &replica{t: w.t, spans: tracetest.NewSpanRecorder(), reader: sdkmetric.NewManualReader()}
	w.startWith(r, instance, sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(r.spans), sdktrace.WithIDGenerator(spanid.Generator{})),
		sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.reader)), jobs...)
	return r
}

func (w *world) startWith(r *replica, instance string, traces trace.TracerProvider, meters metric.MeterProvider, jobs ...scheduling.Job) {
	w.t.Helper()
	terms, err := electionotel.New(traces, meters)
	require.NoError(w.t, err)
	telemetry, err := schedulingotel.New("billing", traces, meters, terms)
	require.NoError(w.t, err)
	registry, err := scheduling.NewRegistry(nil, jobs...)
	require.NoError(w.t, err)
	engine, err := gocronsched.New(registry, election.Observe(w.cluster.Member(instance), terms), telemetry.Ledger(w.ledger),
		gocronsched.Config{Instance: instance, Drain: time.Second, Middleware: []scheduling.Middleware{telemetry.Middleware()}})
	require.NoError(w.t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	r.stop = func() {
		w.t.Helper()
		cancel()
		require.NoError(w.t, <-done)
	}
}

func (w *world) records(job string) []scheduling.Record {
	w.t.Helper()
	records, err := w.ledger.History(w.t.Context(), job, 1000)
	require.NoError(w.t, err)
	return records
}

// ended returns the spans that were exported, as far as about that job.
func (r *replica) ended(job string) []sdktrace.ReadOnlySpan {
	return slices.DeleteFunc(r.spans.Ended(), func(s sdktrace.ReadOnlySpan) bool {
		return s.Name() != "schedule "+job && s.Name() != "run "+job
	})
}

// one returns the only span of that name.
func one(t *testing.T, spans []sdktrace.ReadOnlySpan, name string) sdktrace.ReadOnlySpan {
	t.Helper()
	var found []sdktrace.ReadOnlySpan
	for _, s := range spans {
		if s.Name() == name {
			found = append(found, s)
		}
	}
	require.Len(t, found, 1, name)
	return found[0]
}

func attributes(s sdktrace.ReadOnlySpan) map[attribute.Key]any {
	all := map[attribute.Key]any{}
	for _, a := range s.Attributes() {
		all[a.Key] = a.Value.AsInterface()
	}
	return all
}

// sums collects the metrics: the value of every counter, and the number of
// measurements of every histogram, by name and attributes.
func (r *replica) sums() map[string]int64 {
	r.t.Helper()
	all := map[string]int64{}
	for _, m := range r.metrics() {
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			for _, p := range data.DataPoints {
				all[m.Name+encode(p.Attributes)] = p.Value
			}
		case metricdata.Gauge[int64]:
			for _, p := range data.DataPoints {
				all[m.Name+encode(p.Attributes)] = p.Value
			}
		case metricdata.Histogram[float64]:
			for _, p := range data.DataPoints {
				all[m.Name+encode(p.Attributes)] = int64(p.Count) //nolint:gosec // a test
			}
		default:
			r.t.Fatalf("%s: %T", m.Name, m.Data)
		}
	}
	return all
}

func (r *replica) metrics() []metricdata.Metrics {
	r.t.Helper()
	var collected metricdata.ResourceMetrics
	require.NoError(r.t, r.reader.Collect(r.t.Context(), &collected))
	var all []metricdata.Metrics
	for _, scope := range collected.ScopeMetrics {
		all = append(all, scope.Metrics...)
	}
	return all
}

func encode(set attribute.Set) string {
	text := ""
	for _, kv := range set.ToSlice() {
		text += " " + string(kv.Key) + "=" + kv.Value.String()
	}
	return text
}
