package schedulingotel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"example.com/baton/platform/election"
	"example.com/baton/platform/scheduling"
	"example.com/baton/platform/telemetry/attr"
	"example.com/baton/platform/telemetry/spanid"
)

// Middleware gives every attempt its span and its measurements.
func (t *Telemetry) Middleware() scheduling.Middleware {
	return func(next scheduling.Handler) scheduling.Handler {
		return func(ctx context.Context, run scheduling.Run) error {
			started := time.Now()
			delay := started.Sub(run.Due).Seconds()
			ctx, span := t.startRun(ctx, run, delay)
			defer span.End()
			job := metric.WithAttributes(attr.JobName.String(run.Job))
			t.active.Add(ctx, 1, job)
			defer t.active.Add(context.WithoutCancel(ctx), -1, job)
			t.delay.Record(ctx, delay, metric.WithAttributes(attr.JobName.String(run.Job), attr.JobTrigger.String(string(run.Trigger))))

			err := next(ctx, run)

			result := scheduling.ResultOf(ctx, err)
			span.SetAttributes(attr.JobRunResult.String(string(result)))
			if err != nil {
				span.SetAttributes(attr.ErrorType.String(errorType(result, err)))
				span.SetStatus(codes.Error, statusText(ctx, result, err))
			}
			if !errors.Is(context.Cause(ctx), election.ErrLost) { // or the next leader's tombstone would count it again
				t.duration.Record(context.WithoutCancel(ctx), time.Since(started).Seconds(),
					metric.WithAttributes(attr.JobName.String(run.Job), attr.JobRunResult.String(string(result))))
			}
			return err
		}
	}
}

func (t *Telemetry) startRun(ctx context.Context, run scheduling.Run, delay float64) (context.Context, trace.Span) {
	ctx = withParent(ctx, run.Trace)
	ctx = spanid.With(ctx, spanContext(run.AttemptTrace).SpanID())
	links := t.termLink(run.Term)
	if resumes := spanContext(run.ResumesTrace); resumes.IsValid() {
		links = append(links, link(resumes, attr.LinkResumes))
	}
	ctx, span := t.tracer.Start(ctx, "run "+run.Job, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithLinks(links...),
		trace.WithAttributes(
			attr.JobName.String(run.Job), attr.JobRunID.String(run.ID), attr.JobRunAttempt.Int(run.Attempt),
			attr.JobTrigger.String(string(run.Trigger)), attr.JobRunDue.String(run.Due.Format(time.RFC3339)),
			attr.JobRunDelay.Float64(delay), attr.JobSchedule.String(run.Schedule),
			attr.Group.String(run.Group), attr.Token.Int64(run.Term.Token)))
	return spanid.Clear(ctx), span
}

func errorType(result scheduling.Result, err error) string {
	var panicked *scheduling.PanicError
	switch {
	case errors.As(err, &panicked):
		return "panic"
	case result == scheduling.ResultTimeout:
		return "timeout"
	case result == scheduling.ResultLost:
		return "leader_lost"
	case result == scheduling.ResultCancellation:
		return "cancelled"
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return fmt.Sprintf("%T", err)
}

// statusText says why, where the job's own error would only say that its context
// ended. The loss can also be news from a sink that refused the run's token, with
// the context still alive.
func statusText(ctx context.Context, result scheduling.Result, err error) string {
	cause := context.Cause(ctx)
	if cause != nil && (result == scheduling.ResultLost || result == scheduling.ResultCancellation) {
		return cause.Error()
	}
	return err.Error()
}
