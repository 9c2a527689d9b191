package lifecyclefx_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"
	"go.uber.org/goleak"

	"example.com/baton/platform/lifecyclefx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func build(t *testing.T, invoke any) (*fx.App, *lifecyclefx.Failure) {
	t.Helper()
	var failure *lifecyclefx.Failure
	app := fx.New(fx.NopLogger, lifecyclefx.Module, fx.Invoke(invoke), fx.Populate(&failure))
	require.NoError(t, app.Err())
	return app, failure
}

func TestLoopLivesAsLongAsTheApp(t *testing.T) {
	t.Parallel()
	started, ended := make(chan struct{}), make(chan error, 1)
	app, failure := build(t, func(l *lifecyclefx.Loops) {
		lifecyclefx.Go(l, "worker", func(ctx context.Context) error {
			close(started)
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return ctx.Err()
		})
	})
	start, cancel := context.WithCancel(t.Context())
	require.NoError(t, app.Start(start))
	cancel() // the loop must not depend on the start's context
	<-started
	require.Empty(t, ended)
	require.NoError(t, app.Stop(t.Context()))
	require.ErrorIs(t, <-ended, lifecyclefx.ErrStopping)
	require.NoError(t, failure.Err())
}

func TestDeathStopsTheApp(t *testing.T) {
	t.Parallel()
	paper := errors.New("out of paper")
	die := make(chan struct{})
	app, failure := build(t, func(l *lifecyclefx.Loops) {
		lifecyclefx.Go(l, "printer", func(context.Context) error { <-die; return paper })
	})
	require.NoError(t, app.Start(t.Context()))
	close(die)
	require.Equal(t, 1, (<-app.Wait()).ExitCode)
	require.NoError(t, app.Stop(t.Context()), "the reason for stopping is not an error of stopping")
	require.EqualError(t, failure.Err(), "printer: out of paper")
	require.ErrorIs(t, failure.Err(), paper)
}

func TestDeathDuringTheStartIsSeenAfterIt(t *testing.T) {
	t.Parallel()
	var app *fx.App
	app, failure := build(t, func(l *lifecyclefx.Loops, lc fx.Lifecycle) {
		lifecyclefx.Go(l, "first", func(context.Context) error { return errors.New("early") })
		lc.Append(fx.StartHook(func() { <-app.Wait() })) // the start takes longer than the loop lives
	})
	require.NoError(t, app.Start(t.Context()))
	require.Equal(t, 1, (<-app.Wait()).ExitCode)
	require.NoError(t, app.Stop(t.Context()))
	require.EqualError(t, failure.Err(), "first: early")
}

func TestOnlyTheFirstDeathCounts(t *testing.T) {
	t.Parallel()
	second := make(chan struct{})
	app, failure := build(t, func(l *lifecyclefx.Loops) {
		lifecyclefx.Go(l, "one", func(context.Context) error { return errors.New("first") })
		lifecyclefx.Go(l, "two", func(ctx context.Context) error { <-second; return errors.New("second") })
	})
	require.NoError(t, app.Start(t.Context()))
	<-app.Wait()
	close(second)
	err := app.Stop(t.Context())
	require.EqualError(t, failure.Err(), "one: first")
	if err != nil { // told as an error of stopping when it came after the stop had begun
		require.EqualError(t, err, "two: second")
	}
}

func TestEndWithoutErrorIsNoDeath(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	app, failure := build(t, func(l *lifecyclefx.Loops) {
		lifecyclefx.Go(l, "once", func(context.Context) error { close(done); return nil })
	})
	require.NoError(t, app.Start(t.Context()))
	<-done
	require.NoError(t, app.Stop(t.Context()))
	require.NoError(t, failure.Err())
}

func TestErrorOfTheEndIsReported(t *testing.T) {
	t.Parallel()
	app, failure := build(t, func(l *lifecyclefx.Loops) {
		lifecyclefx.Go(l, "writer", func(ctx context.Context) error {
			<-ctx.Done()
			return errors.New("disk full")
		})
	})
	require.NoError(t, app.Start(t.Context()))
	require.EqualError(t, app.Stop(t.Context()), "writer: disk full")
	require.NoError(t, failure.Err())
}

func TestStopDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var loops *lifecyclefx.Loops
	ended := make(chan struct{})
	app, _ := build(t, func(l *lifecyclefx.Loops, lc fx.Lifecycle) {
		loops = l
		wait := func(ctx context.Context) error {
			select {
			case <-ctx.Done():
			case <-release: // nobody stops the patient one: fx gives up before its turn
			}
			return nil
		}
		lifecyclefx.Go(l, "patient", wait)
		lifecyclefx.Go(l, "stubborn", func(context.Context) error { <-release; return nil })
		lc.Append(fx.StopHook(func() { close(ended) }))
		lifecyclefx.Go(l, "docile", wait)
	})
	require.Empty(t, loops.Running())
	require.NoError(t, app.Start(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err := app.Stop(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	<-ended
	require.Equal(t, []string{"stubborn", "patient"}, loops.Running())
	close(release)
}

func TestLoopsStopInReverseOrder(t *testing.T) {
	t.Parallel()
	order := make(chan string, 3)
	loop := func(name string) func(context.Context) error {
		return func(ctx context.Context) error {
			<-ctx.Done()
			order <- name
			return nil
		}
	}
	app, _ := build(t, func(l *lifecyclefx.Loops) {
		for _, name := range []string{"server", "election", "scheduler"} {
			lifecyclefx.Go(l, name, loop(name))
		}
	})
	require.NoError(t, app.Start(t.Context()))
	require.NoError(t, app.Stop(t.Context()))
	require.Equal(t, []string{"scheduler", "election", "server"}, []string{<-order, <-order, <-order})
}
