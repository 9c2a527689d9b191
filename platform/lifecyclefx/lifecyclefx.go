// Package lifecyclefx ties long-running functions to the life of an fx app.
//
// A loop given to [Go] is started when the app starts, its context is cancelled and its return is
// awaited when the app stops, in the reverse order of the starts. Starting never waits for a loop.
// A loop that ends with an error by itself takes the app down with exit code 1, and its error is kept
// in [Failure] for the last line the process prints.
//
// Loops are not restarted and their panics are not caught: a loop that has lost its footing must not
// go on holding a lease.
package lifecyclefx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"go.uber.org/fx"
)

// ErrStopping is the cause with which a loop's context ends when the app stops.
var ErrStopping = errors.New("app is stopping")

// Module provides Loops and Failure.
var Module = fx.Module("lifecycle", fx.Provide(newLoops, newFailure))

// Failure holds the error of the first loop that died. It is safe for concurrent use.
type Failure struct {
	mu struct {
		sync.Mutex
		err error
	}
}

func newFailure() *Failure { return &Failure{} }

// Err returns the error of the first loop that died, prefixed with the loop's name, or nil.
func (f *Failure) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.err
}

// set keeps err and reports whether it is the first.
func (f *Failure) set(err error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.err != nil {
		return false
	}
	f.mu.err = err
	return true
}

// Loops starts and stops loops with the app.
type Loops struct {
	lifecycle fx.Lifecycle
	shutdown  fx.Shutdowner
	failure   *Failure
	mu        struct {
		sync.Mutex
		running []string
	}
}

func newLoops(lc fx.Lifecycle, sd fx.Shutdowner, f *Failure) *Loops {
	return &Loops{lifecycle: lc, shutdown: sd, failure: f}
}

// Running returns the names of the loops that were started and have not returned, the latest first.
// After a stop that ran out of time the first is the one to blame, the others have not had their
// turn; fx itself only says that the time was up.
func (l *Loops) Running() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	names := slices.Clone(l.mu.running)
	slices.Reverse(names)
	return names
}

func (l *Loops) begin(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.running = append(l.mu.running, name)
}

func (l *Loops) end(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.mu.running, name)
	l.mu.running = slices.Delete(l.mu.running, i, i+1)
}

// Go adds the loop run, which must return soon after its context ends. Returning nil, or the error
// of the ended context, is a clean end at any time; another error before the app stops shuts the app
// down, and afterwards it is reported as an error of stopping.
//
// When the app's stop timeout passes before run returns, stopping goes on without it.
// Go is to be called while the app is built: fx runs no hooks that are added after its start.
func Go(l *Loops, name string, run func(context.Context) error) {
	loop := &loop{name: name, run: run, done: make(chan struct{}), loops: l}
	l.lifecycle.Append(fx.StartStopHook(loop.start, loop.stop))
}

type loop struct {
	name   string
	run    func(context.Context) error
	loops  *Loops
	cancel context.CancelCauseFunc
	done   chan struct{}
	err    error // valid once done is closed
}

func (l *loop) start() {
	// Not the context of the start, which ends as soon as everything has started.
	ctx, cancel := context.WithCancelCause(context.Background())
	l.cancel = cancel
	l.loops.begin(l.name)
	go func() {
		defer close(l.done)
		defer l.loops.end(l.name)
		err := l.run(ctx)
		if err == nil || errors.Is(err, context.Canceled) && ctx.Err() != nil || errors.Is(err, ErrStopping) {
			return
		}
		l.err = fmt.Errorf("%s: %w", l.name, err)
		if ctx.Err() == nil && l.loops.failure.set(l.err) {
			// The only possible error is that nobody listens any more: the app is stopping already.
			_ = l.loops.shutdown.Shutdown(fx.ExitCode(1))
		}
	}()
}

func (l *loop) stop(ctx context.Context) error {
	l.cancel(ErrStopping)
	select {
	case <-l.done:
	case <-ctx.Done():
		return fmt.Errorf("%s: still running: %w", l.name, ctx.Err())
	}
	if errors.Is(l.loops.failure.Err(), l.err) {
		return nil // told already, as the reason for stopping
	}
	return l.err
}
