package electionotel_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/electionotel"
	"example.com/baton/platform/election/memelection"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type scene struct {
	t      *testing.T
	spans  *tracetest.SpanRecorder
	reader *sdkmetric.ManualReader
	terms  *electionotel.Terms
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, spans: tracetest.NewSpanRecorder(), reader: sdkmetric.NewManualReader()}
	var err error
	s.terms, err = electionotel.New(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(s.spans)),
		sdkmetric.NewMeterProvider(sdkmetric.WithReader(s.reader)))
	require.NoError(t, err)
	return s
}

// metrics returns the value of every series.
func (s *scene) metrics() map[string]int64 {
	s.t.Helper()
	var collected metricdata.ResourceMetrics
	require.NoError(s.t, s.reader.Collect(s.t.Context(), &collected))
	all := map[string]int64{}
	add := func(name string, points []metricdata.DataPoint[int64]) {
		for _, p := range points {
			all[name+encode(p.Attributes)] = p.Value
		}
	}
	for _, scope := range collected.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Gauge[int64]:
				add(m.Name, data.DataPoints)
			case metricdata.Sum[int64]:
				require.True(s.t, data.IsMonotonic)
				add(m.Name, data.DataPoints)
			default:
				s.t.Fatalf("%s: %T", m.Name, m.Data)
			}
		}
	}
	return all
}

func encode(set attribute.Set) (text string) {
	for _, kv := range set.ToSlice() {
		text += " " + string(kv.Key) + "=" + kv.Value.String()
	}
	return text
}

func TestTerms(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, cluster := newScene(t), memelection.NewCluster()
		require.Empty(t, s.metrics())
		s.terms.Candidate("default")
		require.Equal(t, map[string]int64{"scheduler.leader scheduler.group=default": 0}, s.metrics(), "a series before anybody led")

		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- election.Observe(cluster.Member("a"), s.terms).Lead(ctx, "default", func(ctx context.Context, _ election.Term) { <-ctx.Done() })
		}()
		synctest.Wait()
		s.terms.Candidate("default")
		require.Equal(t, map[string]int64{
			"scheduler.leader scheduler.group=default":                                            1,
			"scheduler.term.token scheduler.group=default":                                        1,
			"scheduler.leader.transitions scheduler.group=default scheduler.term.reason=acquired": 1,
		}, s.metrics())
		first := election.Term{Group: "default", Leader: "a", Token: 1}
		began, ok := s.terms.Span(first)
		require.True(t, ok)

		require.True(t, cluster.Expire("default"))
		synctest.Wait() // it won again
		_, ok = s.terms.Span(first)
		require.False(t, ok, "not current")
		second, ok := s.terms.Span(election.Term{Group: "default", Leader: "a", Token: 2})
		require.True(t, ok)
		_, ok = s.terms.Span(election.Term{Group: "other", Token: 2})
		require.False(t, ok)

		cancel()
		require.NoError(t, <-done)
		_, ok = s.terms.Span(election.Term{Group: "default", Leader: "a"})
		require.False(t, ok, "no term is no term")
		require.Equal(t, map[string]int64{
			"scheduler.leader scheduler.group=default":                                            0,
			"scheduler.leader.transitions scheduler.group=default scheduler.term.reason=acquired": 2,
			"scheduler.leader.transitions scheduler.group=default scheduler.term.reason=lost":     1,
			"scheduler.leader.transitions scheduler.group=default scheduler.term.reason=resigned": 1,
		}, s.metrics())

		spans := s.spans.Ended()
		var names []string
		for _, span := range spans {
			names = append(names, span.Name())
			require.False(t, span.Parent().IsValid(), "each is a trace of its own")
			require.Equal(t, span.StartTime(), span.EndTime(), "short, whatever the term")
		}
		require.Equal(t, []string{"leadership acquired", "leadership lost", "leadership acquired", "leadership resigned"}, names)
		require.Equal(t, []attribute.KeyValue{attribute.String("scheduler.group", "default"), attribute.Int64("scheduler.term.token", 1)}, spans[0].Attributes())
		require.Equal(t, []attribute.KeyValue{
			attribute.String("scheduler.group", "default"), attribute.Int64("scheduler.term.token", 1), attribute.String("scheduler.term.reason", "lost"),
		}, spans[1].Attributes())
		require.Equal(t, sdktrace.Status{Code: codes.Error, Description: "election: leadership lost"}, spans[1].Status())
		require.Equal(t, codes.Unset, spans[3].Status().Code, "a hand-over is no error")
		require.Equal(t, began, spans[0].SpanContext())
		require.Equal(t, began.SpanID(), spans[1].Links()[0].SpanContext.SpanID())
		require.Equal(t, second.SpanID(), spans[3].Links()[0].SpanContext.SpanID())
		require.Equal(t, "leader_term", spans[3].Links()[0].Attributes[0].Value.AsString())
	})
}

// TestALateEndLeavesTheNextTermAlone: the end of a term concerns that term only.
func TestALateEndLeavesTheNextTermAlone(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	first, second := election.Term{Group: "default", Leader: "a", Token: 1}, election.Term{Group: "default", Leader: "a", Token: 2}
	s.terms.TermStarted(t.Context(), first)
	s.terms.TermStarted(t.Context(), second)
	s.terms.TermEnded(t.Context(), first, election.ErrLost)
	require.EqualValues(t, 1, s.metrics()["scheduler.leader scheduler.group=default"])
	_, ok := s.terms.Span(second)
	require.True(t, ok)
	require.Empty(t, s.spans.Ended()[2].Links(), "the span of another term is none of its own")
}

func TestWithoutTracing(t *testing.T) {
	t.Parallel()
	terms, err := electionotel.New(nooptrace.NewTracerProvider(), sdkmetric.NewMeterProvider())
	require.NoError(t, err)
	term := election.Term{Group: "default", Leader: "a", Token: 1}
	terms.TermStarted(t.Context(), term)
	_, ok := terms.Span(term)
	require.False(t, ok, "no span to link to")
	terms.TermEnded(t.Context(), term, election.ErrLost)
}
