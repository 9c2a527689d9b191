package schedulingotel_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"

	"example.com/baton/platform/election"
	"example.com/baton/platform/scheduling"
	"example.com/baton/platform/scheduling/schedulingotel"
	"example.com/baton/platform/telemetry/spanid"
)

func job(name string, body scheduling.Func) scheduling.Job {
	return scheduling.Job{Name: name, Schedule: scheduling.Every(time.Hour), Run: body}
}

func succeeds(context.Context, scheduling.Run) error { return nil }

func untilEnd(ctx context.Context, _ scheduling.Run) error {
	<-ctx.Done()
	return fmt.Errorf("query: %w", ctx.Err())
}

func takes90Minutes(ctx context.Context, _ scheduling.Run) error {
	select {
	case <-time.After(90 * time.Minute):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func parse(traceparent string) trace.SpanContext {
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": traceparent}))
}

func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var inside trace.SpanContext
		a := w.start("a", job("report", func(ctx context.Context, _ scheduling.Run) error {
			inside = trace.SpanContextFromContext(ctx)
			time.Sleep(1500 * time.Millisecond)
			return nil
		}))
		time.Sleep(time.Hour + time.Minute)
		a.stop()

		spans := a.ended("report")
		root, run := one(t, spans, "schedule report"), one(t, spans, "run report")
		require.False(t, root.Parent().IsValid())
		require.Equal(t, root.SpanContext().SpanID(), run.Parent().SpanID())
		require.Equal(t, schedulingotel.TraceID("billing", "report@20000101T010000Z"), root.SpanContext().TraceID())
		require.Equal(t, root.SpanContext().TraceID(), run.SpanContext().TraceID())
		require.Equal(t, run.SpanContext().SpanID(), inside.SpanID(), "the job's own spans are below it")

		rec := w.records("report")[0]
		require.Equal(t, root.SpanContext().SpanID(), parse(rec.Trace).SpanID())
		require.Equal(t, run.SpanContext().SpanID(), parse(rec.AttemptTrace).SpanID())
		require.Equal(t, run.SpanContext().TraceID(), parse(rec.AttemptTrace).TraceID())
		require.True(t, parse(rec.AttemptTrace).IsSampled())
		require.Empty(t, rec.ResumesTrace)

		golden(t, "normal.txt", render(a.spans.Ended()))
	})
}

// TestCrash: the leader dies in the middle of a run; the next one takes over. What
// the dead process had exported by then is all there is of it.
func TestCrash(t *testing.T) {
	t.Parallel()
	for name, delivery := range map[string]scheduling.Delivery{"crash.txt": scheduling.AtLeastOnce, "crash_at_most_once.txt": scheduling.AtMostOnce} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				stuck := job("report", untilEnd)
				done := job("report", func(context.Context, scheduling.Run) error { time.Sleep(2 * time.Second); return nil })
				stuck.Delivery, done.Delivery = delivery, delivery
				a := w.start("a", stuck)
				time.Sleep(time.Minute)
				b := w.start("b", done)
				time.Sleep(time.Hour)
				exported := a.spans.Ended()
				dead := parse(w.records("report")[0].AttemptTrace)
				time.Sleep(10 * time.Second)
				require.True(t, w.cluster.Expire(scheduling.DefaultGroup))
				time.Sleep(time.Minute)
				a.stop()
				b.stop()

				all := append(exported, b.spans.Ended()...)
				golden(t, name, render(all))

				var attempts []sdktrace.ReadOnlySpan
				for _, s := range b.ended("report") {
					require.Equal(t, dead.TraceID(), s.SpanContext().TraceID(), "one trace")
					attempts = append(attempts, s)
				}
				tombstone := attempts[0]
				require.Equal(t, dead.SpanID(), tombstone.SpanContext().SpanID(), "what the attempt had exported finds its parent")
				require.Equal(t, true, attributes(tombstone)["job.run.synthetic"])
				rec := w.records("report")[0]
				if delivery == scheduling.AtMostOnce {
					require.Len(t, attempts, 1)
					require.Equal(t, scheduling.StateLost, rec.State)
					require.NotContains(t, b.sums(), "job.run.retries job.name=report")
					return
				}
				require.Len(t, attempts, 2)
				require.Equal(t, attempts[1].SpanContext().SpanID(), parse(rec.AttemptTrace).SpanID())
				require.Equal(t, dead.SpanID(), parse(rec.ResumesTrace).SpanID())
				require.EqualValues(t, 1, b.sums()["job.run.retries job.name=report"])
			})
		})
	}
}

type customError struct{}

func (customError) Error() string { return "no paper" }

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body         scheduling.Func
		result       string
		errorType    any
		status       string
		golden       string
		stopMidway   bool
		expireMidway bool
	}{
		"success": {body: succeeds, result: "success"},
		"failure": {body: func(context.Context, scheduling.Run) error { return fmt.Errorf("print: %w", customError{}) },
			result: "failure", errorType: "schedulingotel_test.customError", status: "print: no paper", golden: "failed.txt"},
		"panic": {body: func(context.Context, scheduling.Run) error { panic("index out of range") },
			result: "failure", errorType: "panic", status: "panic: index out of range"},
		"timeout": {body: untilEnd, result: "timeout", errorType: "timeout",
			status: "scheduling: run timed out after 1m0s: query: context deadline exceeded"},
		"cancelled": {body: untilEnd, result: "cancellation", errorType: "cancelled", stopMidway: true,
			status: "drain grace of 1s is over: election: leadership resigned"},
		"lost": {body: untilEnd, result: "lost", errorType: "leader_lost", expireMidway: true,
			status: "election: leadership lost"},
		"lost, told by a sink": {body: func(context.Context, scheduling.Run) error { return fmt.Errorf("insert: %w", election.ErrLost) },
			result: "lost", errorType: "leader_lost", status: "insert: election: leadership lost"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				j := job("report", c.body)
				j.Timeout, j.Delivery = time.Minute, scheduling.AtMostOnce
				a := w.start("a", j)
				time.Sleep(time.Hour + time.Second)
				synctest.Wait()
				started := a.sums()["job.run.active job.name=report"]
				switch {
				case c.stopMidway:
					require.EqualValues(t, 1, started)
					a.stop()
				case c.expireMidway:
					require.True(t, w.cluster.Expire(scheduling.DefaultGroup))
					synctest.Wait()
					defer a.stop()
				default:
					time.Sleep(2 * time.Minute)
					a.stop()
				}

				run := a.ended("report")[1] // after the claim; a tombstone may follow
				require.Equal(t, "run report", run.Name())
				got := attributes(run)
				require.Equal(t, c.result, got["job.run.result"])
				require.Equal(t, c.errorType, got["error.type"])
				require.Equal(t, c.status, run.Status().Description)
				wantCode := codes.Error
				if c.errorType == nil {
					wantCode = codes.Unset
				}
				require.Equal(t, wantCode, run.Status().Code)
				sums := a.sums()
				require.EqualValues(t, 1, sums["job.run.duration job.name=report job.run.result="+c.result])
				require.EqualValues(t, 1, sums["job.run.schedule_delay job.name=report job.trigger=schedule"])
				require.Zero(t, sums["job.run.active job.name=report"])
				if c.golden != "" {
					golden(t, c.golden, render(a.spans.Ended()))
				}
			})
		})
	}
}

func TestSkips(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		slow := job("slow", takes90Minutes)
		slow.CatchUp = scheduling.SkipMissed()
		a := w.start("a", slow)
		time.Sleep(2*time.Hour + time.Minute) // runs at 1, is busy at 2
		overlap := a.ended("slow")[1]
		require.Equal(t, "schedule slow", overlap.Name())
		require.Equal(t, trace.SpanKindProducer, overlap.SpanKind())
		got := attributes(overlap)
		require.Equal(t, "skip", got["job.run.result"])
		require.Equal(t, "overlap", got["job.skip.reason"])
		require.EqualValues(t, 1, got["job.skip.count"])
		require.Equal(t, codes.Unset, overlap.Status().Code, "a skip is no error")
		time.Sleep(time.Hour - 10*time.Minute) // 02:51, idle
		a.stop()
		sums := a.sums()
		require.EqualValues(t, 1, sums["job.run.skipped job.name=slow job.skip.reason=overlap"])
		require.NotContains(t, sums, "job.run.missed job.name=slow")

		time.Sleep(4 * time.Hour) // nobody: 3, 4, 5 and 6
		b := w.start("b", slow)
		time.Sleep(time.Minute)
		b.stop()
		missed := one(t, b.ended("slow"), "schedule slow")
		got = attributes(missed)
		require.Equal(t, "missed", got["job.skip.reason"])
		require.EqualValues(t, 4, got["job.skip.count"])
		require.Equal(t, "slow@20000101T060000Z", got["job.run.id"])
		require.Equal(t, missed.EndTime(), missed.StartTime(), "no bar of hours")
		require.Empty(t, w.records("slow")[0].AttemptTrace, "nothing ran")
		sums = b.sums()
		require.EqualValues(t, 4, sums["job.run.skipped job.name=slow job.skip.reason=missed"])
		require.EqualValues(t, 4, sums["job.run.missed job.name=slow"])
	})
}

// refusing is a ledger that answers every write with an error.
type refusing struct {
	scheduling.Ledger
	err error
}

func (r refusing) Claim(context.Context, election.Term, scheduling.JobState, scheduling.Record) (scheduling.Record, error) {
	return scheduling.Record{}, r.err
}

func (r refusing) Retake(context.Context, election.Term, scheduling.Record, scheduling.Record) (scheduling.Record, error) {
	return scheduling.Record{}, r.err
}

func (r refusing) Finish(context.Context, election.Term, scheduling.JobState, scheduling.Record) error {
	return r.err
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		result string
		fenced int64 // of claim, retake and finish
	}{
		"claimed": {fmt.Errorf("report: %w", scheduling.ErrClaimed), "claimed", 0},
		"fenced":  {fmt.Errorf("report: %w", election.ErrLost), "fenced", 3},
		"error":   {errors.New("connection reset"), "error", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &replica{t: t, spans: tracetest.NewSpanRecorder(), reader: sdkmetric.NewManualReader()}
			telemetry, err := schedulingotel.New("billing",
				sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(r.spans), sdktrace.WithIDGenerator(spanid.Generator{})),
				sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.reader)), nil)
			require.NoError(t, err)
			ledger := telemetry.Ledger(refusing{err: c.err})
			term := election.Term{Group: "default", Leader: "a", Token: 7}
			rec := scheduling.Record{Job: "report", Group: "default", Due: start, State: scheduling.StateRunning, Attempt: 1}
			skip := rec
			skip.State, skip.Reason = scheduling.StateSkipped, scheduling.ReasonMissed

			_, err = ledger.Claim(t.Context(), term, scheduling.JobState{}, rec)
			require.ErrorIs(t, err, c.err)
			_, err = ledger.Retake(t.Context(), term, rec, rec)
			require.ErrorIs(t, err, c.err)
			require.ErrorIs(t, ledger.Finish(t.Context(), term, scheduling.JobState{}, rec), c.err)

			span := one(t, r.spans.Ended(), "schedule report") // and no tombstone
			require.Len(t, r.spans.Ended(), 1)
			require.Equal(t, codes.Error, span.Status().Code)
			require.Equal(t, c.err.Error(), span.Status().Description)
			sums := r.sums()
			require.Equal(t, c.fenced, sums["scheduler.fence.rejections"])
			require.EqualValues(t, 2, sums["scheduler.claim.duration scheduler.claim.result="+c.result])

			_, err = ledger.Claim(t.Context(), term, scheduling.JobState{}, skip)
			require.ErrorIs(t, err, c.err)
			require.NotContains(t, r.sums(), "job.run.missed job.name=report", "not recorded, not counted")
		})
	}
}

// TestWithoutTracing: without an exporter, or with somebody else's provider, jobs
// run all the same, and a record never names a span of an invalid trace.
func TestWithoutTracing(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	for name, provider := range map[string]trace.TracerProvider{
		"noop":              nooptrace.NewTracerProvider(),
		"another generator": sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)),
		"nothing sampled":   sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()), sdktrace.WithIDGenerator(spanid.Generator{})),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				var meters metric.MeterProvider = noopmetric.NewMeterProvider()
				var a, b replica
				body := func(ctx context.Context, run scheduling.Run) error {
					if run.Attempt == 1 && run.Due.Hour() == 1 {
						return untilEnd(ctx, run)
					}
					return nil
				}
				w.startWith(&a, "a", provider, meters, job("report", body))
				w.startWith(&b, "b", provider, meters, job("report", body))
				time.Sleep(time.Hour + time.Second)
				require.True(t, w.cluster.Expire(scheduling.DefaultGroup))
				time.Sleep(time.Minute)
				a.stop()
				b.stop()
				rec := w.records("report")[0]
				require.Equal(t, scheduling.StateSucceeded, rec.State)
				require.Equal(t, 2, rec.Attempt)
				switch name {
				case "noop":
					require.Empty(t, rec.Trace+rec.AttemptTrace+rec.ResumesTrace)
				case "nothing sampled":
					require.True(t, parse(rec.Trace).IsValid())
					require.False(t, parse(rec.AttemptTrace).IsSampled())
				default:
					root := one(t, recorder.Ended(), "schedule report").SpanContext()
					require.Equal(t, root.SpanID(), parse(rec.Trace).SpanID())
					for _, s := range recorder.Ended() {
						if s.Name() == "run report" {
							require.Equal(t, root.TraceID(), s.SpanContext().TraceID(), "still one trace")
						}
					}
				}
			})
		})
	}
}

func TestTraceIDFollowsFromServiceAndRun(t *testing.T) {
	t.Parallel()
	id := schedulingotel.TraceID("billing", "report@20000101T010000Z")
	require.True(t, id.IsValid())
	require.Equal(t, id, schedulingotel.TraceID("billing", "report@20000101T010000Z"))
	require.NotEqual(t, id, schedulingotel.TraceID("mailing", "report@20000101T010000Z"))
	require.NotEqual(t, id, schedulingotel.TraceID("billing", "report@20000101T020000Z"))
}

// TestMetrics: names, units and attributes are what dashboards and alerts are
// written against, and nothing that grows with time is among the attributes.
func TestMetrics(t *testing.T) {
	t.Parallel()
	want := map[string]struct {
		unit       string
		attributes []attribute.Key
	}{
		"job.run.duration":             {"s", []attribute.Key{"job.name", "job.run.result"}},
		"job.run.schedule_delay":       {"s", []attribute.Key{"job.name", "job.trigger"}},
		"job.run.active":               {"{run}", []attribute.Key{"job.name"}},
		"job.run.skipped":              {"{run}", []attribute.Key{"job.name", "job.skip.reason"}},
		"job.run.missed":               {"{run}", []attribute.Key{"job.name"}},
		"job.run.retries":              {"{run}", []attribute.Key{"job.name"}},
		"scheduler.claim.duration":     {"s", []attribute.Key{"scheduler.claim.result"}},
		"scheduler.fence.rejections":   {"{write}", nil},
		"scheduler.leader":             {"", []attribute.Key{"scheduler.group"}},
		"scheduler.term.token":         {"", []attribute.Key{"scheduler.group"}},
		"scheduler.leader.transitions": {"{transition}", []attribute.Key{"scheduler.group", "scheduler.term.reason"}},
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		report := job("report", func(ctx context.Context, run scheduling.Run) error {
			if run.Attempt == 1 && run.Due.Hour() == 1 {
				return untilEnd(ctx, run)
			}
			return nil
		})
		report.CatchUp = scheduling.SkipMissed()
		slow := job("slow", takes90Minutes)
		a := &replica{t: t, reader: sdkmetric.NewManualReader()}
		meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(a.reader))
		w.startWith(a, "a", nooptrace.NewTracerProvider(), meters, report, slow)
		time.Sleep(time.Hour + time.Second)
		require.True(t, w.cluster.Expire(scheduling.DefaultGroup)) // it campaigns again, and finds what it left
		time.Sleep(3 * time.Hour)
		collected := a.metrics()
		a.stop()
		time.Sleep(10 * time.Hour)
		w.startWith(a, "a", nooptrace.NewTracerProvider(), meters, report, slow)
		time.Sleep(time.Minute)
		a.stop()
		telemetry, err := schedulingotel.New("billing", nooptrace.NewTracerProvider(), meters, nil)
		require.NoError(t, err)
		stale := election.Term{Group: scheduling.DefaultGroup, Token: 1}
		require.ErrorIs(t, telemetry.Ledger(w.ledger).Finish(t.Context(), stale, scheduling.JobState{}, scheduling.Record{}), election.ErrLost)

		seen := map[string]bool{}
		for _, m := range append(collected, a.metrics()...) {
			expected, known := want[m.Name]
			require.True(t, known, m.Name)
			seen[m.Name] = true
			require.Equal(t, expected.unit, m.Unit, m.Name)
			require.NotEmpty(t, m.Description, m.Name)
			require.False(t, strings.HasSuffix(m.Name, "_total"), m.Name)
			for _, set := range sets(t, m) {
				require.Equal(t, expected.attributes, keys(set), m.Name)
			}
		}
		for name := range want {
			require.True(t, seen[name], "%s was not exercised", name)
		}
	})
}

func sets(t *testing.T, m metricdata.Metrics) (all []attribute.Set) {
	t.Helper()
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			all = append(all, p.Attributes)
		}
	case metricdata.Gauge[int64]:
		for _, p := range data.DataPoints {
			all = append(all, p.Attributes)
		}
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			all = append(all, p.Attributes)
		}
	default:
		t.Fatalf("%s: %T", m.Name, m.Data)
	}
	return all
}

func keys(set attribute.Set) (all []attribute.Key) {
	for _, kv := range set.ToSlice() {
		all = append(all, kv.Key)
	}
	return all
}
