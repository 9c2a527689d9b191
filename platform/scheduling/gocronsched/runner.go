package gocronsched

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"example.com/baton/platform/election"
	"example.com/baton/platform/scheduling"
)

// runner is one job during one term. Occurrences are admitted in due order, one
// at a time, so that the watermark never passes one that has no record.
type runner struct {
	term    *term
	job     scheduling.Job
	handler scheduling.Handler
	log     *slog.Logger

	mu        sync.Mutex
	changed   *sync.Cond // a run ended, or the term stopped admitting
	cursor    time.Time  // due time of the last occurrence considered
	queue     []task     // to be admitted, in order
	admitting bool       // a goroutine works the queue
	active    int        // runs under way

	ledger   sync.Mutex // one ledger call per job at a time; guards state and finished
	state    scheduling.JobState
	finished int
}

// task is an occurrence to be admitted.
type task struct {
	record scheduling.Record
	lost   *scheduling.Record // set when this is what follows an attempt that was cut off
}

func newRunner(t *term, job scheduling.Job, opened scheduling.Opened) *runner {
	r := &runner{
		term: t, job: job, handler: t.engine.handler(job), log: t.log.With("job", job.Name),
		cursor: opened.State.Watermark, state: opened.State,
	}
	r.changed = sync.NewCond(&r.mu)
	r.state.Running = nil
	for _, lost := range opened.Unfinished {
		next := r.afterLoss(lost)
		r.queue = append(r.queue, next)
		if next.record.State == scheduling.StateRunning {
			r.state.Running = append(r.state.Running, lost.Due)
		}
	}
	return r
}

// afterLoss decides what follows an attempt that its leader did not finish.
func (r *runner) afterLoss(lost scheduling.Record) task {
	next := lost
	next.Token, next.Instance = r.term.Token, r.term.engine.cfg.Instance
	if r.job.Delivery == scheduling.AtMostOnce || lost.Attempt >= maxAttempts {
		next.State = scheduling.StateLost
		next.Error = fmt.Sprintf("leader %s was lost during attempt %d", lost.Instance, lost.Attempt)
		next.Ended = now()
		return task{record: next, lost: &lost}
	}
	next.Attempt++
	next.Trigger = scheduling.TriggerRecovery
	next.AttemptTrace = ""
	return task{record: next, lost: &lost}
}

// maxAttempts bounds how often an occurrence is run again after the loss of its
// leader: the job may be what kills the leaders.
const maxAttempts = 5

// tick looks at what is due. gocron calls it when it believes that something is;
// calling it at any other time does no harm.
func (r *runner) tick() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.term.admit.Err() != nil {
		return
	}
	at := time.Now().UTC()
	due := r.job.CatchUp.Consider(r.job.Schedule, r.cursor, at)
	if due.Until.IsZero() {
		r.early(at)
	} else {
		r.cursor = due.Until
	}
	if due.Missed.Count > 0 {
		rec := r.newRecord(due.Missed.Last, scheduling.TriggerCatchUp)
		rec.State, rec.Reason, rec.Ended = scheduling.StateSkipped, scheduling.ReasonMissed, now()
		rec.From, rec.Count = due.Missed.First, due.Missed.Count
		r.queue = append(r.queue, task{record: rec})
	}
	for _, occurrence := range due.Run {
		r.queue = append(r.queue, task{record: r.newRecord(occurrence.Due, occurrence.Trigger)})
	}
	if len(r.queue) > 0 && !r.admitting {
		r.admitting = true
		r.term.background.Go(r.admit)
	}
}

// early handles a tick that came before its time: timers run on the monotonic
// clock, due times are on the wall, and one of them was adjusted in between.
// gocron will not tick for this occurrence again. r.mu is held.
func (r *runner) early(at time.Time) {
	next := r.job.Schedule.Next(r.cursor)
	if wait := next.Sub(at); !next.IsZero() && wait > 0 && wait < time.Second {
		r.term.background.Go(func() {
			if sleep(r.term.admit, wait) == nil {
				r.tick()
			}
		})
	}
}

func (r *runner) newRecord(due time.Time, trigger scheduling.Trigger) scheduling.Record {
	return scheduling.Record{
		V: 1, Job: r.job.Name, Group: r.term.Group, Due: due, State: scheduling.StateRunning, Attempt: 1,
		Trigger: trigger, Token: r.term.Token, Instance: r.term.engine.cfg.Instance, Schedule: r.job.Schedule.String(),
	}
}

// admit works the queue until it is empty or the term stops admitting. What is
// left then has no record and lies above the watermark: the next leader finds it.
func (r *runner) admit() {
	for {
		next, ok := r.next()
		if !ok {
			return
		}
		if next.lost == nil && next.record.State == scheduling.StateRunning && !r.mayStart(next.record) {
			next.record.State, next.record.Reason = scheduling.StateSkipped, scheduling.ReasonOverlap
			next.record.Ended = now()
		}
		if next.record.State == scheduling.StateRunning {
			next.record.Started = now()
		}
		rec, err := r.claim(next)
		switch {
		case errors.Is(err, scheduling.ErrClaimed):
			r.log.WarnContext(r.term.admit, "occurrence already claimed", "run_id", next.record.RunID())
		case err != nil:
			r.stopAdmitting()
			return
		case rec.State == scheduling.StateRunning:
			r.begin(rec)
		}
	}
}

func (r *runner) next() (task, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 || r.term.admit.Err() != nil {
		r.admitting = false
		return task{}, false
	}
	next := r.queue[0]
	r.queue = r.queue[1:]
	return next, true
}

func (r *runner) stopAdmitting() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.admitting = false
}

// mayStart applies the overlap policy. Occurrences of a backlog wait for each
// other instead of being skipped: they are there because none may be lost.
func (r *runner) mayStart(rec scheduling.Record) bool {
	if r.job.Overlap == scheduling.AllowAll {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if rec.Trigger == scheduling.TriggerSchedule && !r.job.CatchUp.KeepsAll() {
		return r.active == 0
	}
	for r.active > 0 && r.term.admit.Err() == nil {
		r.changed.Wait()
	}
	return true
}

// claim writes the occurrence into the ledger.
func (r *runner) claim(next task) (scheduling.Record, error) {
	if err := r.term.admit.Err(); err != nil {
		return scheduling.Record{}, context.Cause(r.term.admit)
	}
	r.ledger.Lock()
	defer r.ledger.Unlock()
	if next.lost != nil {
		return retry(r.term.admit, r.log, "retake", func(ctx context.Context) (scheduling.Record, error) {
			return r.term.engine.ledger.Retake(ctx, r.term.Term, *next.lost, next.record)
		})
	}
	state := r.state
	if next.record.Due.After(state.Watermark) {
		state.Watermark = next.record.Due
	}
	if next.record.State == scheduling.StateRunning {
		state.Running = append(slices.Clone(state.Running), next.record.Due)
	}
	rec, err := retry(r.term.admit, r.log, "claim", func(ctx context.Context) (scheduling.Record, error) {
		return r.term.engine.ledger.Claim(ctx, r.term.Term, state, next.record)
	})
	if err == nil {
		r.state = state
	}
	return rec, err
}

func (r *runner) begin(rec scheduling.Record) {
	r.mu.Lock()
	r.active++
	r.mu.Unlock()
	r.term.background.Go(func() {
		defer func() {
			r.mu.Lock()
			r.active--
			r.mu.Unlock()
			r.changed.Broadcast()
			select {
			case r.term.ended <- struct{}{}:
			default:
			}
		}()
		r.run(rec)
	})
}

// run executes one attempt and records its outcome.
func (r *runner) run(rec scheduling.Record) {
	// The claim's answer may have come after the end of the tenure: then it is
	// claimed but must not start, and the next leader deals with it.
	if r.term.tenure.Err() != nil {
		return
	}
	err := r.handler(r.term.work, scheduling.Run{
		ID: rec.RunID(), Job: rec.Job, Group: rec.Group, Due: rec.Due, Attempt: rec.Attempt, Trigger: rec.Trigger,
		Term: r.term.Term, Schedule: rec.Schedule, Trace: rec.Trace, AttemptTrace: rec.AttemptTrace, ResumesTrace: rec.ResumesTrace,
	})
	result := scheduling.ResultOf(r.term.work, err)
	rec.State, rec.Ended = result.State(), now()
	if err != nil {
		rec.Error = truncate(err.Error(), maxError)
	}
	if err := r.finish(rec); err != nil && !errors.Is(err, election.ErrLost) {
		r.log.WarnContext(r.term.work, "outcome not recorded", "run_id", rec.RunID(), "error", err)
	}
}

// finish records an outcome. It is bounded by the tenure, not by the work: a run
// that was cancelled to drain still gets its record.
func (r *runner) finish(rec scheduling.Record) error {
	r.ledger.Lock()
	defer r.ledger.Unlock()
	state := r.state
	state.Running = slices.DeleteFunc(slices.Clone(state.Running), rec.Due.Equal)
	if rec.State == scheduling.StateSucceeded && rec.Due.After(state.LastSuccess) {
		state.LastSuccess = rec.Due
	}
	_, err := retry(r.term.tenure, r.log, "finish", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, r.term.engine.ledger.Finish(ctx, r.term.Term, state, rec)
	})
	if err != nil {
		return err
	}
	r.state = state
	if r.finished++; r.finished%pruneEvery == 0 {
		return r.term.engine.ledger.Prune(r.term.tenure, r.term.Term, r.job.Name, r.term.engine.cfg.History)
	}
	return nil
}

// pruneEvery is after how many runs the history is looked through.
const pruneEvery = 20

// maxError bounds an error's text in the ledger, in bytes.
const maxError = 4096

func truncate(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return text[:limit] + "…"
}

// wake makes an admission that waits for a run look at the end of the term. The
// lock keeps it from coming between that look and the wait.
func (r *runner) wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed.Broadcast()
}

func (r *runner) isBusy() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.active > 0 || len(r.queue) > 0
}

// now is the time of a record: UTC, and no finer than anybody reads.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
