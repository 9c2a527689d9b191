package scheduling

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"example.com/baton/platform/election"
)

// Handler runs one attempt.
type Handler func(context.Context, Run) error

// Middleware wraps a Handler with something that every run needs.
type Middleware func(Handler) Handler

// Chain returns h wrapped by all middlewares, the first outermost.
func Chain(h Handler, middlewares ...Middleware) Handler {
	for i := len(middlewares) - 1; i >= 0; i-- {
		h = middlewares[i](h)
	}
	return h
}

// Result is how an attempt ended, as traces, metrics and logs say it.
type Result string

// Results.
const (
	ResultSuccess      Result = "success"
	ResultFailure      Result = "failure"
	ResultTimeout      Result = "timeout"
	ResultCancellation Result = "cancellation"
	ResultSkip         Result = "skip"
	ResultLost         Result = "lost"
)

// ErrTimeout is the cause with which a run's context ends when Job.Timeout has
// passed.
var ErrTimeout = errors.New("scheduling: run timed out")

// PanicError is what a panic in a job becomes.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// ResultOf classifies the error of an attempt that ran under ctx. A job that
// succeeds although its context ended has succeeded; one that fails then was
// stopped, whatever error it made of it.
func ResultOf(ctx context.Context, err error) Result {
	switch {
	case err == nil:
		return ResultSuccess
	case errors.Is(err, ErrTimeout) || errors.Is(context.Cause(ctx), ErrTimeout):
		return ResultTimeout
	case errors.Is(context.Cause(ctx), election.ErrLost), errors.Is(err, election.ErrLost):
		return ResultLost
	case ctx.Err() != nil:
		return ResultCancellation
	default:
		return ResultFailure
	}
}

// State returns the ledger's state for a result.
func (r Result) State() State {
	switch r {
	case ResultSuccess:
		return StateSucceeded
	case ResultTimeout:
		return StateTimedOut
	case ResultCancellation:
		return StateCancelled
	case ResultSkip:
		return StateSkipped
	case ResultLost:
		return StateLost
	default:
		return StateFailed
	}
}

// Recover turns a panic of the job into an error. Without it one bad record in
// a customer's data would take the leader down, and then the next leader.
func Recover() Middleware {
	return func(next Handler) Handler {
		return func(ctx context.Context, run Run) (err error) {
			defer func() {
				if p := recover(); p != nil {
					err = &PanicError{Value: p, Stack: debug.Stack()}
				}
			}()
			return next(ctx, run)
		}
	}
}

// Timeout bounds each attempt by its job's timeout. An attempt that fails
// because of it has ErrTimeout in its error.
func Timeout(timeouts func(job string) time.Duration) Middleware {
	return func(next Handler) Handler {
		return func(ctx context.Context, run Run) error {
			d := timeouts(run.Job)
			if d <= 0 {
				return next(ctx, run)
			}
			ctx, cancel := context.WithTimeoutCause(ctx, d, fmt.Errorf("%w after %s", ErrTimeout, d))
			defer cancel()
			err := next(ctx, run)
			if err != nil && errors.Is(context.Cause(ctx), ErrTimeout) {
				return fmt.Errorf("%w: %w", context.Cause(ctx), err)
			}
			return err
		}
	}
}

// Log writes one record when an attempt starts and one when it has ended. Their
// messages and keys are a contract: tools read them.
func Log(log *slog.Logger) Middleware {
	return func(next Handler) Handler {
		return func(ctx context.Context, run Run) error {
			attrs := log.With("instance", run.Term.Leader, "group", run.Group, "token", run.Term.Token,
				"job", run.Job, "run_id", run.ID, "due", run.Due, "attempt", run.Attempt)
			attrs.InfoContext(ctx, "run started", "trigger", run.Trigger)
			started := time.Now()
			err := next(ctx, run)
			result, text := ResultOf(ctx, err), ""
			level := slog.LevelInfo
			if err != nil {
				level, text = slog.LevelError, err.Error()
			}
			attrs.Log(ctx, level, "run finished", "result", result, "duration", time.Since(started), "error", text)
			return err
		}
	}
}
