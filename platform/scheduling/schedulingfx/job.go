// Package schedulingfx registers jobs in an fx graph and runs them.
//
// A job is declared in one line: a name, a schedule, and a method of one of the
// service's ports. The compiler checks that the method fits; the name of fx's
// value group stays in here. What is declared can be listed, checked and
// overridden by configuration before anything the job needs has been built.
package schedulingfx

import (
	"context"
	"time"

	"go.uber.org/fx"

	"example.com/baton/platform/scheduling"
)

// Job registers run, a method of T taken from the graph, as a job:
//
//	schedulingfx.Job("close_overdue", scheduling.Every(5*time.Minute), app.OverdueCloser.CloseOverdue)
func Job[T any](name string, s scheduling.Schedule, run func(T, context.Context) error, opts ...Option) fx.Option {
	return declare(name, s, func(t T, _ *time.Location) scheduling.Func {
		return func(ctx context.Context, _ scheduling.Run) error { return run(t, ctx) }
	}, opts)
}

// JobAt is Job for a method that wants to know which occurrence it runs for. The
// due time is in the time zone of the schedule, as configured, so that its date
// is the one people mean.
func JobAt[T any](name string, s scheduling.Schedule, run func(T, context.Context, time.Time) error, opts ...Option) fx.Option {
	return declare(name, s, func(t T, zone *time.Location) scheduling.Func {
		return func(ctx context.Context, r scheduling.Run) error { return run(t, ctx, r.Due.In(zone)) }
	}, opts)
}

// Option sets a policy of a job.
type Option func(*scheduling.Job)

// Timeout bounds each attempt.
func Timeout(d time.Duration) Option { return func(j *scheduling.Job) { j.Timeout = d } }

// Group makes the leader of that election group run the job.
func Group(name string) Option { return func(j *scheduling.Job) { j.Group = name } }

// CatchUp says what becomes of missed occurrences.
func CatchUp(c scheduling.CatchUp) Option { return func(j *scheduling.Job) { j.CatchUp = c } }

// Delivery says what becomes of an occurrence whose run was cut off.
func Delivery(d scheduling.Delivery) Option { return func(j *scheduling.Job) { j.Delivery = d } }

// Overlap says what becomes of an occurrence that is due during a run.
func Overlap(o scheduling.Overlap) Option { return func(j *scheduling.Job) { j.Overlap = o } }

// declaration is a job without what it calls.
type declaration struct{ job scheduling.Job }

// body is what a job calls. Its zone is known once the configuration has had its
// say about the schedule.
type body struct {
	name string
	bind func(zone *time.Location) scheduling.Func
}

type declarationOut struct {
	fx.Out

	Declaration declaration `group:"scheduling.declarations"`
}

// A struct, not fx.ResultTags: an error about a missing T then names this file
// and not fx's reflection.
type bodyOut struct {
	fx.Out

	Body body `group:"scheduling.bodies"`
}

func declare[T any](name string, s scheduling.Schedule, bind func(T, *time.Location) scheduling.Func, opts []Option) fx.Option {
	job := scheduling.Job{Name: name, Schedule: s}
	for _, opt := range opts {
		opt(&job)
	}
	return fx.Module("job "+name,
		fx.Provide(
			func() declarationOut { return declarationOut{Declaration: declaration{job}} },
			func(t T) bodyOut {
				return bodyOut{Body: body{name, func(zone *time.Location) scheduling.Func { return bind(t, zone) }}}
			},
		))
}
