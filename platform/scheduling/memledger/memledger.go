// Package memledger is the ledger in memory: for tests, and for running a job
// once from the command line. It is lost with the process.
package memledger

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"example.com/baton/platform/election"
	"example.com/baton/platform/scheduling"
)

// Fence tells which token is current for a group; ok is false when nobody leads.
type Fence func(group string) (token int64, ok bool)

// Ledger keeps records in memory. Its methods are safe for concurrent use.
type Ledger struct {
	fence Fence
	mu    struct {
		sync.Mutex
		jobs map[string]scheduling.JobState
		runs map[string][]scheduling.Record // by job, oldest first
	}
}

// New returns an empty ledger that refuses the terms that fence does not confirm.
// A nil fence confirms all.
func New(fence Fence) *Ledger {
	l := &Ledger{fence: fence}
	l.mu.jobs = map[string]scheduling.JobState{}
	l.mu.runs = map[string][]scheduling.Record{}
	return l
}

// FenceBy confirms the terms that elector reports as current.
func FenceBy(elector election.Elector) Fence {
	return func(group string) (int64, bool) {
		term, ok, err := elector.Leader(context.Background(), group)
		return term.Token, ok && err == nil
	}
}

// Open implements scheduling.Ledger.
func (l *Ledger) Open(ctx context.Context, term election.Term, jobs []scheduling.JobState, now time.Time) (map[string]scheduling.Opened, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.check(ctx, term); err != nil {
		return nil, err
	}
	out := map[string]scheduling.Opened{}
	for _, declared := range jobs {
		state, known := l.mu.jobs[declared.Job]
		declared.Watermark, declared.LastSuccess, declared.Running = state.Watermark, state.LastSuccess, state.Running
		if !known {
			declared.Watermark = now
		}
		l.mu.jobs[declared.Job] = declared
		opened := scheduling.Opened{State: declared}
		for _, due := range declared.Running {
			if rec := l.find(declared.Job, due); rec != nil && rec.State == scheduling.StateRunning {
				opened.Unfinished = append(opened.Unfinished, *rec)
			}
		}
		out[declared.Job] = opened
	}
	return out, nil
}

// Claim implements scheduling.Ledger.
func (l *Ledger) Claim(ctx context.Context, term election.Term, job scheduling.JobState, rec scheduling.Record) (scheduling.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.check(ctx, term); err != nil {
		return scheduling.Record{}, err
	}
	if old := l.find(rec.Job, rec.Due); old != nil {
		if old.Token == term.Token && old.Attempt == rec.Attempt {
			return *old, nil
		}
		return scheduling.Record{}, fmt.Errorf("%s: %w", rec.RunID(), scheduling.ErrClaimed)
	}
	l.put(rec)
	l.mu.jobs[job.Job] = job
	return rec, nil
}

// Retake implements scheduling.Ledger.
func (l *Ledger) Retake(ctx context.Context, term election.Term, _, next scheduling.Record) (scheduling.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.check(ctx, term); err != nil {
		return scheduling.Record{}, err
	}
	l.put(next)
	return next, nil
}

// Finish implements scheduling.Ledger.
func (l *Ledger) Finish(ctx context.Context, term election.Term, job scheduling.JobState, rec scheduling.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.check(ctx, term); err != nil {
		return err
	}
	l.put(rec)
	l.mu.jobs[job.Job] = job
	return nil
}

// Prune implements scheduling.Ledger.
func (l *Ledger) Prune(ctx context.Context, term election.Term, job string, keep int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.check(ctx, term); err != nil {
		return err
	}
	runs := l.mu.runs[job]
	for excess := len(runs) - keep; excess > 0 && runs[0].State != scheduling.StateRunning; excess-- {
		runs = runs[1:]
	}
	l.mu.runs[job] = slices.Clone(runs)
	return nil
}

// History implements scheduling.Ledger.
func (l *Ledger) History(_ context.Context, job string, limit int) ([]scheduling.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	runs := slices.Clone(l.mu.runs[job])
	slices.Reverse(runs)
	return runs[:min(limit, len(runs))], nil
}

func (l *Ledger) check(ctx context.Context, term election.Term) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if l.fence == nil {
		return nil
	}
	if token, ok := l.fence(term.Group); !ok || token != term.Token {
		return fmt.Errorf("token %d of group %q: %w", term.Token, term.Group, election.ErrLost)
	}
	return nil
}

func (l *Ledger) find(job string, due time.Time) *scheduling.Record {
	runs := l.mu.runs[job]
	if i, found := search(runs, due); found {
		return &runs[i]
	}
	return nil
}

func (l *Ledger) put(rec scheduling.Record) {
	runs := l.mu.runs[rec.Job]
	i, found := search(runs, rec.Due)
	if found {
		runs[i] = rec
		return
	}
	l.mu.runs[rec.Job] = slices.Insert(runs, i, rec)
}

func search(runs []scheduling.Record, due time.Time) (int, bool) {
	return slices.BinarySearchFunc(runs, due, func(rec scheduling.Record, due time.Time) int { return rec.Due.Compare(due) })
}

var _ scheduling.Ledger = (*Ledger)(nil)
