// Package schedulingotel shows occurrences as traces and runs as metrics.
//
// One occurrence is one trace, over all attempts and processes:
//
//	schedule close_overdue        PRODUCER  due → claimed
//	├─ etcdserverpb.KV/Txn        CLIENT    the claim
//	├─ run close_overdue          CONSUMER  attempt 1: the job's own spans below it
//	└─ run close_overdue          CONSUMER  attempt 2, link: resumes → attempt 1
//
// The engine knows nothing of it: claims and recoveries are seen by a decorator
// around the ledger, runs by a middleware. The ids of the spans are in the run's
// record before the spans exist, because a span is exported when it ends: that of
// an attempt whose process was killed never is, and the next leader writes it in
// its place, as a tombstone with the same id, so that what the attempt had
// already exported finds its parent.
package schedulingotel

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"example.com/baton/platform/election"
)

const scope = "example.com/baton/platform/scheduling"

// TermSpans knows the span with which a term began.
type TermSpans interface {
	Span(term election.Term) (trace.SpanContext, bool)
}

// Telemetry makes the decorators.
type Telemetry struct {
	service string
	tracer  trace.Tracer
	terms   TermSpans

	duration      metric.Float64Histogram
	delay         metric.Float64Histogram
	claim         metric.Float64Histogram
	active        metric.Int64UpDownCounter
	skipped       metric.Int64Counter
	missed        metric.Int64Counter
	retries       metric.Int64Counter
	fenceRejected metric.Int64Counter
}

// New returns telemetry for the jobs of service. Terms may be nil.
func New(service string, traces trace.TracerProvider, meters metric.MeterProvider, terms TermSpans) (*Telemetry, error) {
	t := &Telemetry{service: service, tracer: traces.Tracer(scope), terms: terms}
	m := instruments{meter: meters.Meter(scope)}
	t.duration = m.histogram("job.run.duration", "How long attempts took.",
		0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 1800, 3600, 10800)
	t.delay = m.histogram("job.run.schedule_delay", "How long after its due time an attempt started.",
		0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300)
	t.claim = m.histogram("scheduler.claim.duration", "How long the ledger took to admit an occurrence.",
		0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5)
	t.active = m.upDown("job.run.active", "Attempts under way.")
	t.skipped = m.counter("job.run.skipped", "{run}", "Occurrences that were recorded without a run.")
	t.missed = m.counter("job.run.missed", "{run}", "Occurrences that were due while nobody could run them and were given up.")
	t.retries = m.counter("job.run.retries", "{run}", "Attempts after the first.")
	t.fenceRejected = m.counter("scheduler.fence.rejections", "{write}", "Writes that the ledger refused because the term was over.")
	if err := errors.Join(m.problems...); err != nil {
		return nil, fmt.Errorf("schedulingotel: %w", err)
	}
	return t, nil
}

// instruments makes instruments and collects what goes wrong.
type instruments struct {
	meter    metric.Meter
	problems []error
}

func (m *instruments) histogram(name, description string, buckets ...float64) metric.Float64Histogram {
	h, err := m.meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description),
		metric.WithExplicitBucketBoundaries(buckets...))
	m.problems = append(m.problems, err)
	return h
}

func (m *instruments) counter(name, unit, description string) metric.Int64Counter {
	c, err := m.meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
	m.problems = append(m.problems, err)
	return c
}

func (m *instruments) upDown(name, description string) metric.Int64UpDownCounter {
	c, err := m.meter.Int64UpDownCounter(name, metric.WithUnit("{run}"), metric.WithDescription(description))
	m.problems = append(m.problems, err)
	return c
}
