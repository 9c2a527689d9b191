// Package scheduling is the port through which a service says what runs when,
// and through which what ran is recorded.
//
// It is data and rules: jobs, schedules, policies, runs, the ledger's contract,
// the chain of handlers around a job. It keeps no time and stores nothing;
// gocronsched does the first, etcdledger and memledger do the second, and
// package election says who may.
//
// An occurrence is one instant at which a job is due. What becomes of it:
//
//	                    ┌──────────▶ skipped  (missed, overlap)
//	                    │
//	due ── considered ──┤  claimed            ┌─▶ succeeded
//	       by the       └──────────▶ running ─┼─▶ failed, timed_out, cancelled
//	       leader            ▲                │
//	                         │ next attempt   └─▶ lost  (its leader was)
//	                         └──────────────────────┘
//
// Invariant: an occurrence is claimed at most once per attempt, by the leader
// whose token is current at that moment, and each ends in one of the states on
// the right, with a record. What is not promised: that a job's effects happen
// exactly once. A run that is cut off may have done its work; the next attempt
// has the same Run.ID, which is what makes an effect recognisable.
package scheduling

import (
	"context"
	"time"

	"example.com/baton/platform/election"
)

// Func does the work of one run. It returns soon after ctx ends; a ctx that
// ended with cause election.ErrLost means that another process may already be
// running the same job.
type Func func(ctx context.Context, run Run) error

// Run is one attempt at one occurrence.
type Run struct {
	// ID is the same for all attempts: "close_overdue@20261122T050000Z". It is
	// the idempotency key to hand to whatever the job calls.
	ID      string
	Job     string
	Group   string
	Due     time.Time // UTC, whole seconds
	Attempt int       // from 1
	Trigger Trigger
	Term    election.Term // whose Token fences what the run writes

	// Schedule is the job's schedule as text.
	Schedule string
	// W3C traceparents of the occurrence, of this attempt, and of the attempt
	// that this one resumes; empty when nothing traces.
	Trace, AttemptTrace, ResumesTrace string
}

// Trigger says why a run was started.
type Trigger string

// Triggers.
const (
	TriggerSchedule Trigger = "schedule" // due, and on time
	TriggerCatchUp  Trigger = "catchup"  // due while nobody led, or too late
	TriggerRecovery Trigger = "recovery" // again, after an attempt whose leader was lost
	TriggerManual   Trigger = "manual"   // because somebody asked
)

// DueLayout formats a due time in run ids and in the ledger's keys: sortable,
// because it is UTC and of whole seconds.
const DueLayout = "20060102T150405Z"

// RunID returns the id of the occurrence of job at due.
func RunID(job string, due time.Time) string {
	return job + "@" + due.UTC().Format(DueLayout)
}

type runKey struct{}

// ContextWithRun returns a copy of ctx that carries run.
func ContextWithRun(ctx context.Context, run Run) context.Context {
	return context.WithValue(ctx, runKey{}, run)
}

// RunFromContext returns the run on whose behalf ctx was made. Adapters use it
// to key what they write by Run.ID and to fence it with Run.Term.Token.
func RunFromContext(ctx context.Context) (Run, bool) {
	run, ok := ctx.Value(runKey{}).(Run)
	return run, ok
}
