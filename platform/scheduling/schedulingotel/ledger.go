package schedulingotel

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"example.com/baton/platform/election"
	"example.com/baton/platform/scheduling"
	"example.com/baton/platform/telemetry/attr"
	"example.com/baton/platform/telemetry/spanid"
)

// Ledger returns inner with a span for every claim and skip, a tombstone for
// every attempt that was cut off, and the ids of the spans in the records.
func (t *Telemetry) Ledger(inner scheduling.Ledger) scheduling.Ledger {
	return &ledger{Ledger: inner, t: t}
}

type ledger struct {
	scheduling.Ledger
	t *Telemetry
}

func (l *ledger) Claim(ctx context.Context, term election.Term, job scheduling.JobState, rec scheduling.Record) (scheduling.Record, error) {
	begin := time.Now()
	ctx, span := l.t.startSchedule(ctx, term, rec, begin)
	defer span.End()
	skip := rec.State == scheduling.StateSkipped
	rec.Trace = traceparent(span.SpanContext())
	if !skip {
		rec.AttemptTrace = traceparent(span.SpanContext().WithSpanID(spanid.New()))
	}
	stored, err := l.Ledger.Claim(ctx, term, job, rec)
	l.t.claimed(ctx, span, begin, err)
	if err == nil && skip {
		l.t.skip(ctx, span, rec)
	}
	return stored, err //nolint:wrapcheck // a decorator
}

func (l *ledger) Retake(ctx context.Context, term election.Term, lost, next scheduling.Record) (scheduling.Record, error) {
	ctx = withParent(ctx, lost.Trace)
	again := next.State == scheduling.StateRunning
	if again {
		next.ResumesTrace = lost.AttemptTrace
		if root := spanContext(lost.Trace); root.IsValid() {
			next.AttemptTrace = traceparent(root.WithSpanID(spanid.New()))
		}
	}
	begin := time.Now()
	stored, err := l.Ledger.Retake(ctx, term, lost, next)
	l.t.claimed(ctx, trace.SpanFromContext(ctx), begin, err)
	if err == nil {
		l.t.tombstone(ctx, term, lost)
		if again {
			l.t.retries.Add(ctx, 1, metric.WithAttributes(attr.JobName.String(next.Job)))
		}
	}
	return stored, err //nolint:wrapcheck // a decorator
}

func (l *ledger) Finish(ctx context.Context, term election.Term, job scheduling.JobState, rec scheduling.Record) error {
	ctx = withParent(ctx, rec.Trace)
	err := l.Ledger.Finish(ctx, term, job, rec)
	l.t.fenced(ctx, err)
	return err //nolint:wrapcheck // a decorator
}

func (t *Telemetry) startSchedule(ctx context.Context, term election.Term, rec scheduling.Record, now time.Time) (context.Context, trace.Span) {
	start := rec.Due
	if now.Sub(start) > scheduling.OnTime || now.Before(start) {
		start = now // a bar of three days would hide everything else in the trace
	}
	// The same id on whichever process: the trace of a run can be named without
	// having seen it, and if two leaders ever claimed one occurrence, both would
	// be in it.
	ctx = spanid.WithTrace(ctx, TraceID(t.service, rec.RunID()))
	return t.tracer.Start(ctx, "schedule "+rec.Job, trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithTimestamp(start), trace.WithLinks(t.termLink(term)...),
		trace.WithAttributes(
			attr.JobName.String(rec.Job), attr.JobRunID.String(rec.RunID()), attr.JobTrigger.String(string(rec.Trigger)),
			attr.JobRunDue.String(rec.Due.Format(time.RFC3339)), attr.JobRunDelay.Float64(now.Sub(rec.Due).Seconds()),
			attr.JobSchedule.String(rec.Schedule), attr.Group.String(term.Group), attr.Token.Int64(term.Token)))
}

func (t *Telemetry) termLink(term election.Term) []trace.Link {
	if t.terms == nil {
		return nil
	}
	span, ok := t.terms.Span(term)
	if !ok {
		return nil
	}
	return []trace.Link{link(span, attr.LinkLeaderTerm)}
}

func link(to trace.SpanContext, kind string) trace.Link {
	return trace.Link{SpanContext: to, Attributes: []attribute.KeyValue{attr.LinkType.String(kind)}}
}

// claimed records how a claim went.
func (t *Telemetry) claimed(ctx context.Context, span trace.Span, begin time.Time, err error) {
	result := "won"
	switch {
	case errors.Is(err, scheduling.ErrClaimed):
		result = "claimed"
	case errors.Is(err, election.ErrLost):
		result = "fenced"
	case err != nil:
		result = "error"
	}
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	t.claim.Record(ctx, time.Since(begin).Seconds(), metric.WithAttributes(attr.ClaimResult.String(result)))
	t.fenced(ctx, err)
}

func (t *Telemetry) fenced(ctx context.Context, err error) {
	if errors.Is(err, election.ErrLost) {
		t.fenceRejected.Add(ctx, 1)
	}
}

func (t *Telemetry) skip(ctx context.Context, span trace.Span, rec scheduling.Record) {
	count := int64(max(rec.Count, 1))
	span.SetAttributes(attr.JobRunResult.String(string(scheduling.ResultSkip)),
		attr.JobSkipReason.String(rec.Reason), attr.JobSkipCount.Int64(count))
	t.skipped.Add(ctx, count, metric.WithAttributes(attr.JobName.String(rec.Job), attr.JobSkipReason.String(rec.Reason)))
	if rec.Reason == scheduling.ReasonMissed {
		t.missed.Add(ctx, count, metric.WithAttributes(attr.JobName.String(rec.Job)))
	}
}

// tombstone writes the span of an attempt whose process can't.
func (t *Telemetry) tombstone(ctx context.Context, term election.Term, lost scheduling.Record) {
	ctx = spanid.With(ctx, spanContext(lost.AttemptTrace).SpanID())
	_, span := t.tracer.Start(ctx, "run "+lost.Job, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(lost.Started),
		trace.WithAttributes(
			attr.JobName.String(lost.Job), attr.JobRunID.String(lost.RunID()), attr.JobRunAttempt.Int(lost.Attempt),
			attr.JobTrigger.String(string(lost.Trigger)), attr.JobRunDue.String(lost.Due.Format(time.RFC3339)),
			attr.JobRunDelay.Float64(lost.Started.Sub(lost.Due).Seconds()), attr.JobSchedule.String(lost.Schedule),
			attr.Group.String(lost.Group), attr.Token.Int64(lost.Token), attr.JobInstance.String(lost.Instance),
			attr.JobRunResult.String(string(scheduling.ResultLost)), attr.ErrorType.String("leader_lost"), attr.JobSynthetic.Bool(true)))
	span.SetStatus(codes.Error, "leader "+lost.Instance+" was lost during the run; recorded by "+term.Leader)
	span.End()
	// Nobody else can count it. How long it took is known from above only.
	t.duration.Record(ctx, time.Since(lost.Started).Seconds(), metric.WithAttributes(
		attr.JobName.String(lost.Job), attr.JobRunResult.String(string(scheduling.ResultLost))))
}
