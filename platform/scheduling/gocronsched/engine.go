// Package gocronsched drives a service's jobs while this process leads: gocron
// keeps the time, the elector says when it may, the ledger admits each
// occurrence.
//
//	elector ── term ──▶ open ledger ──▶ recover what the last leader left
//	                                         │
//	   ┌─────────────────────────────────────┘
//	   ▼
//	gocron tick ──▶ consider (what is due since the watermark)
//	                   │ in due order, one at a time per job
//	                   ▼
//	                claim in the ledger ──▶ run ──▶ finish in the ledger
//
// One set of gocron schedulers lives for one term. gocron's own elector and
// locker hooks are not used: they ask once before a run, tell nobody why a run
// did not happen, know no due time, and keep the timers of every follower hot
// (ADR 0003). A tick says only "look now": what is due is computed from the
// schedule and the job's watermark, so a tick that comes late, early, twice or
// not at all loses and doubles nothing.
//
// Invariant: nothing starts without a claim under the current token, and nothing
// starts or goes on after the tenure has ended.
package gocronsched

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"example.com/baton/platform/election"
	"example.com/baton/platform/scheduling"
)

// ErrStuck says that a job ignores its ended context. The process must exit: as
// long as it runs, the job may still act, and the group can't be handed on.
var ErrStuck = errors.New("scheduling: a run ignores its ended context")

// Config says how the engine runs jobs.
type Config struct {
	// Instance names this process in the ledger.
	Instance string
	// Drain is how long runs may go on after a graceful end of the term. Zero: 10s.
	Drain time.Duration
	// Patience is how long a run may take to return once its context has ended,
	// before Run gives up with ErrStuck. Zero: 10s.
	Patience time.Duration
	// History is how many records of a job are kept. Zero: 200.
	History int
	// Middleware wraps every run, the first outermost.
	Middleware []scheduling.Middleware
	// Logger receives the engine's records. Nil: discarded.
	Logger *slog.Logger
}

// Engine runs the jobs of a registry. Create it with New and call Run once.
type Engine struct {
	registry *scheduling.Registry
	elector  election.Elector
	ledger   scheduling.Ledger
	cfg      Config
	log      *slog.Logger
	stuck    chan error
}

// New returns an engine.
func New(registry *scheduling.Registry, elector election.Elector, ledger scheduling.Ledger, cfg Config) (*Engine, error) {
	for _, job := range registry.Jobs() {
		if job.Run == nil {
			return nil, fmt.Errorf("gocronsched: job %q: nothing to run", job.Name)
		}
	}
	if cfg.Drain < 0 || cfg.Patience < 0 || cfg.History < 0 {
		return nil, errors.New("gocronsched: drain, patience and history must not be negative")
	}
	if cfg.Drain == 0 {
		cfg.Drain = 10 * time.Second
	}
	if cfg.Patience == 0 {
		cfg.Patience = 10 * time.Second
	}
	if cfg.History == 0 {
		cfg.History = 200
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Engine{
		registry: registry, elector: elector, ledger: ledger, cfg: cfg, log: cfg.Logger,
		stuck: make(chan error, 1),
	}, nil
}

// Run campaigns for every group that has a job, and runs the jobs of the groups
// it leads, until ctx ends and the runs have drained. It returns nil then;
// ErrStuck when a run does not return, in which case that run's goroutine is
// left behind; otherwise what the elector returned.
func (e *Engine) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var leads sync.WaitGroup
	for _, group := range e.registry.Groups() {
		leads.Go(func() {
			if err := e.elector.Lead(ctx, group, e.lead); err != nil {
				cancel(fmt.Errorf("group %q: %w", group, err))
			}
		})
	}
	done := make(chan struct{})
	go func() {
		leads.Wait()
		close(done)
	}()
	select {
	case <-done:
	case err := <-e.stuck:
		return err
	}
	if cause := context.Cause(ctx); ctx.Err() != nil && !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}

// handler returns the chain that runs job.
func (e *Engine) handler(job scheduling.Job) scheduling.Handler {
	body := func(ctx context.Context, run scheduling.Run) error {
		return job.Run(scheduling.ContextWithRun(ctx, run), run)
	}
	chain := append([]scheduling.Middleware{}, e.cfg.Middleware...)
	chain = append(chain,
		scheduling.Log(e.log),
		scheduling.Timeout(func(string) time.Duration { return job.Timeout }),
		scheduling.Recover())
	return scheduling.Chain(body, chain...)
}

// reportStuck makes Run return.
func (e *Engine) reportStuck(err error) {
	select {
	case e.stuck <- err:
	default:
	}
}
