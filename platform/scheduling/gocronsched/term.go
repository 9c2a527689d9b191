package gocronsched

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-co-op/gocron/v2"

	"example.com/baton/platform/election"
	"example.com/baton/platform/scheduling"
)

// term is one period of leadership of one group.
type term struct {
	election.Term
	engine *Engine
	log    *slog.Logger

	admit  context.Context // ends when nothing new may start
	ended  chan struct{}   // a run ended; holds one signal
	tenure context.Context // ends when leadership can't be proven; Err reads the clocks
	work   context.Context // what runs run under: tenure, until the drain grace is over

	background sync.WaitGroup // admissions and runs
	runners    []*runner
}

// lead is called by the elector, once per term. When it returns, nothing that
// it started is running any more, or Run has returned ErrStuck.
func (e *Engine) lead(ctx context.Context, t election.Term) {
	tenure := election.Tenure(ctx)
	work, cancel := context.WithCancelCause(election.WithTenure(tenure, tenure))
	defer cancel(context.Canceled)
	admit, stop := context.WithCancelCause(ctx)
	defer stop(context.Canceled)
	tm := &term{
		Term: t, engine: e, log: e.log.With("group", t.Group, "token", t.Token),
		admit: admit, tenure: tenure, work: work, ended: make(chan struct{}, 1),
	}
	opened, err := tm.open()
	if err != nil {
		if ctx.Err() == nil {
			tm.log.ErrorContext(ctx, "ledger not opened", "error", err)
		}
		<-ctx.Done() // lost: the elector will say so
		return
	}
	for _, job := range e.registry.InGroup(t.Group) {
		tm.runners = append(tm.runners, newRunner(tm, job, opened[job.Name]))
	}
	schedulers := tm.start()
	tm.waitForEnd(ctx)
	stop(election.ErrResigned)
	for _, s := range schedulers {
		if err := s.Shutdown(); err != nil {
			tm.log.WarnContext(ctx, "gocron shutdown", "error", err)
		}
	}
	tm.drain(cancel)
}

// open reads the ledger, for as long as that takes: without it the term can't
// know what is due.
func (t *term) open() (map[string]scheduling.Opened, error) {
	jobs := t.engine.registry.InGroup(t.Group)
	states := make([]scheduling.JobState, len(jobs))
	for i, job := range jobs {
		states[i] = scheduling.Describe(job)
	}
	now := time.Now().UTC().Truncate(time.Second)
	return retry(t.admit, t.log, "open ledger", func(ctx context.Context) (map[string]scheduling.Opened, error) {
		return t.engine.ledger.Open(ctx, t.Term, states, now)
	})
}

// start hands the jobs to gocron and looks once at what is due already.
func (t *term) start() []gocron.Scheduler {
	// gocron serialises a scheduler's ticks in one goroutine, and drops them
	// without a word beyond some ten thousand a second.
	shards := min(1+len(t.runners)/1000, 16)
	schedulers := make([]gocron.Scheduler, 0, shards)
	for range shards {
		// UTC: in any other location gocron compares wall clocks when they are
		// set back, and loses a run. Zones are the schedule's matter.
		s, err := gocron.NewScheduler(gocron.WithLocation(time.UTC), gocron.WithLogger(debugOnly{t.log}), gocron.WithStopTimeout(5*time.Second))
		if err != nil {
			t.log.ErrorContext(t.admit, "gocron scheduler", "error", err)
			continue
		}
		schedulers = append(schedulers, s)
	}
	for i, r := range t.runners {
		if len(schedulers) == 0 || r.job.Schedule.Next(time.Now()).IsZero() {
			continue // nothing to come; what is due already is looked at below
		}
		_, err := schedulers[i%len(schedulers)].NewJob(
			gocron.CronJob(r.job.Schedule.String(), true),
			gocron.NewTask(r.tick),
			gocron.WithName(r.job.Name),
			gocron.WithCronImplementation(calendar{r.job.Schedule}))
		if err != nil {
			t.log.ErrorContext(t.admit, "gocron job", "job", r.job.Name, "error", err)
		}
	}
	for _, s := range schedulers {
		s.Start()
	}
	for _, r := range t.runners {
		r.tick()
	}
	return schedulers
}

// waitForEnd returns when the term is over, or when it is wanted elsewhere and
// nothing runs: a run is never cut short to spread the groups.
func (t *term) waitForEnd(ctx context.Context) {
	wanted, elsewhere := election.Wanted(ctx), false
	for {
		select {
		case <-ctx.Done():
			return
		case <-wanted:
			wanted, elsewhere = nil, true
		case <-t.ended:
		}
		if elsewhere && len(t.busy()) == 0 {
			return
		}
	}
}

// drain waits for what is running: as long as the grace allows after a graceful
// end, and then, or after a loss, as long as patience does.
func (t *term) drain(cancel context.CancelCauseFunc) {
	for _, r := range t.runners {
		r.wake()
	}
	done := make(chan struct{})
	go func() {
		t.background.Wait()
		close(done)
	}()
	grace := time.NewTimer(t.engine.cfg.Drain)
	defer grace.Stop()
	select {
	case <-done:
		return
	case <-t.tenure.Done():
	case <-grace.C:
		cancel(fmt.Errorf("drain grace of %s is over: %w", t.engine.cfg.Drain, election.ErrResigned))
	}
	patience := time.NewTimer(t.engine.cfg.Patience)
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C:
		err := fmt.Errorf("%w for %s: %s", ErrStuck, t.engine.cfg.Patience, strings.Join(t.busy(), ", "))
		t.engine.reportStuck(err)
		<-done // the group is not handed on while the run may still act
	}
}

func (t *term) busy() []string {
	var names []string
	for _, r := range t.runners {
		if r.isBusy() {
			names = append(names, r.job.Name)
		}
	}
	slices.Sort(names)
	return names
}

// calendar gives gocron a schedule's instants.
type calendar struct{ schedule scheduling.Schedule }

func (c calendar) IsValid(string, *time.Location, time.Time) error { return c.schedule.Validate() }
func (c calendar) Next(last time.Time) time.Time                   { return c.schedule.Next(last) }

// debugOnly keeps gocron's own records out of sight unless asked for: what
// matters about a run, the engine says itself.
type debugOnly struct{ log *slog.Logger }

func (d debugOnly) Debug(msg string, args ...any) { d.log.Debug("gocron: "+msg, args...) }
func (d debugOnly) Info(msg string, args ...any)  { d.log.Debug("gocron: "+msg, args...) }
func (d debugOnly) Warn(msg string, args ...any)  { d.log.Debug("gocron: "+msg, args...) }
func (d debugOnly) Error(msg string, args ...any) { d.log.Warn("gocron: "+msg, args...) }

// retry repeats a ledger call until it succeeds, its outcome is final, or ctx
// ends. An error that is not final leaves it open whether the call took effect;
// the ledger recognises the repetition.
func retry[T any](ctx context.Context, log *slog.Logger, what string, call func(context.Context) (T, error)) (T, error) {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 20*time.Millisecond, time.Second
	for attempt := 1; ; attempt++ {
		out, err := call(ctx)
		if err == nil || errors.Is(err, election.ErrLost) || errors.Is(err, scheduling.ErrClaimed) {
			return out, err
		}
		if ctx.Err() != nil {
			return out, context.Cause(ctx)
		}
		if attempt == 1 || attempt%20 == 0 {
			log.WarnContext(ctx, what+" failing", "error", err, "attempt", attempt)
		}
		timer := time.NewTimer(pause.NextBackOff())
		select {
		case <-ctx.Done():
			timer.Stop()
			return out, context.Cause(ctx)
		case <-timer.C:
		}
	}
}

var _ gocron.Cron = calendar{}
