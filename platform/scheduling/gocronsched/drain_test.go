package gocronsched_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.com/baton/platform/election"
	"example.com/baton/platform/scheduling"
	"example.com/baton/platform/scheduling/gocronsched"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// works runs for d unless its context ends, and tells how.
func works(d time.Duration, ended chan<- error) func(context.Context, scheduling.Run) error {
	return func(ctx context.Context, _ scheduling.Run) error {
		select {
		case <-time.After(d):
			ended <- nil
			return nil
		case <-ctx.Done():
			ended <- context.Cause(ctx)
			return ctx.Err()
		}
	}
}

func TestDrainLetsARunFinish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		ended := make(chan error, 1)
		f.start("a", gocronsched.Config{Drain: time.Minute}, f.job("job", scheduling.Every(time.Hour), works(30*time.Second, ended)))
		time.Sleep(time.Hour + time.Second)
		stopping := time.Now()
		f.stop("a")
		require.NoError(t, <-ended)
		require.Equal(t, 29*time.Second, time.Since(stopping).Round(time.Second))
		require.Equal(t, scheduling.StateSucceeded, f.history("job")[0].State)
	})
}

func TestDrainCancelsARunThatTakesTooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		ended := make(chan error, 1)
		f.start("a", gocronsched.Config{Drain: 10 * time.Second}, f.job("job", scheduling.Every(time.Hour), works(time.Hour, ended)))
		time.Sleep(time.Hour + time.Second)
		f.stop("a")
		require.ErrorIs(t, <-ended, election.ErrResigned)
		rec := f.history("job")[0]
		require.Equal(t, scheduling.StateCancelled, rec.State, "it is recorded, not left for a successor to find")
	})
}

// To spread groups over members is never worth a run that is cut short.
func TestAGroupThatIsWantedElsewhereMovesBetweenRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		ended := make(chan error, 100)
		job := f.job("job", scheduling.Every(time.Hour), works(30*time.Minute, ended))
		f.start("a", gocronsched.Config{Drain: time.Second, History: 1000}, job)
		f.start("b", gocronsched.Config{Drain: time.Second, History: 1000}, job)
		observer := f.cluster.Member("observer")
		leader := func() string {
			term, ok, err := observer.Leader(t.Context(), scheduling.DefaultGroup)
			require.NoError(t, err)
			require.True(t, ok)
			return term.Leader
		}
		time.Sleep(time.Hour + time.Minute)
		first := leader()
		require.True(t, f.cluster.Want(scheduling.DefaultGroup))
		time.Sleep(28 * time.Minute)
		require.Equal(t, first, leader(), "the run goes on, and so does the term")
		time.Sleep(2 * time.Minute)
		require.NoError(t, <-ended)
		require.NotEqual(t, first, leader())

		second := leader()
		time.Sleep(10 * time.Minute)
		require.True(t, f.cluster.Want(scheduling.DefaultGroup))
		synctest.Wait()
		require.NotEqual(t, second, leader(), "at once when nothing runs")
		time.Sleep(2 * time.Hour)
		f.stopAll()
		for _, rec := range f.history("job") {
			require.Equal(t, 1, rec.Attempt)
		}
	})
}

func TestARunThatIgnoresItsContextIsReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		release := make(chan struct{})
		f.start("a", gocronsched.Config{Drain: time.Second, Patience: time.Second},
			f.job("deaf", scheduling.Every(time.Hour), func(context.Context, scheduling.Run) error { <-release; return nil }))
		b := f.job("deaf", scheduling.Every(time.Hour), nil)
		time.Sleep(time.Minute)
		f.start("b", keepAll, b)
		time.Sleep(time.Hour)
		r := f.replicas["a"]
		delete(f.replicas, "a")
		r.cancel()
		err := <-r.done
		require.ErrorIs(t, err, gocronsched.ErrStuck)
		require.ErrorContains(t, err, "deaf")
		synctest.Wait()
		term, ok, err := f.cluster.Member("observer").Leader(t.Context(), scheduling.DefaultGroup)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, "a", term.Leader, "not handed on while the run may still act")
		close(release)
		synctest.Wait()
		f.stopAll()
	})
}

func TestLossCancelsARunAndTheNextLeaderRunsItAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		delivery scheduling.Delivery
		attempts int
		state    scheduling.State
	}{
		"at least once": {scheduling.AtLeastOnce, 2, scheduling.StateSucceeded},
		"at most once":  {scheduling.AtMostOnce, 1, scheduling.StateLost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t)
				ended := make(chan error, 2)
				job := f.job("job", scheduling.Every(time.Hour), works(time.Minute, ended))
				job.Delivery = c.delivery
				f.start("a", keepAll, job)
				f.start("b", keepAll, job)
				time.Sleep(time.Hour + time.Second)
				require.True(t, f.cluster.Expire(scheduling.DefaultGroup))
				require.ErrorIs(t, <-ended, election.ErrLost)
				time.Sleep(10 * time.Minute)
				f.stopAll()

				runs := f.runs.all()
				require.Len(t, runs, c.attempts)
				records := f.history("job")
				require.Len(t, records, 1)
				require.Equal(t, c.state, records[0].State)
				if c.attempts == 2 {
					require.Equal(t, 2, runs[1].Attempt)
					require.Equal(t, scheduling.TriggerRecovery, runs[1].Trigger)
					require.Equal(t, runs[0].ID, runs[1].ID)
					require.Greater(t, runs[1].Term.Token, runs[0].Term.Token)
				}
			})
		})
	}
}

func TestARunThatKillsItsLeadersIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		ended := make(chan error, 10)
		job := f.job("deadly", scheduling.Every(24*time.Hour), works(time.Hour, ended))
		f.start("a", keepAll, job)
		f.start("b", keepAll, job)
		time.Sleep(24*time.Hour + time.Second)
		for range 5 {
			require.True(t, f.cluster.Expire(scheduling.DefaultGroup))
			require.ErrorIs(t, <-ended, election.ErrLost)
			time.Sleep(time.Second)
		}
		f.stopAll()
		require.Len(t, f.runs.all(), 5)
		require.Equal(t, scheduling.StateLost, f.history("deadly")[0].State)
		require.Contains(t, f.history("deadly")[0].Error, "attempt 5")
	})
}

func TestTheRunKnowsWhatItIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		f.start("a", keepAll, f.job("job", scheduling.Every(time.Hour), func(ctx context.Context, run scheduling.Run) error {
			carried, ok := scheduling.RunFromContext(ctx)
			require.True(t, ok)
			require.Equal(t, run, carried)
			require.NoError(t, election.Tenure(ctx).Err())
			return nil
		}))
		time.Sleep(time.Hour + time.Second)
		f.stopAll()
		require.Equal(t, "job@20000101T010000Z", f.runs.all()[0].ID)
		require.Equal(t, scheduling.StateSucceeded, f.history("job")[0].State)
	})
}

func TestNewRefusesAJobWithoutABody(t *testing.T) {
	t.Parallel()
	registry, err := scheduling.NewRegistry(nil, scheduling.Job{Name: "empty", Schedule: scheduling.Every(time.Hour)})
	require.NoError(t, err)
	_, err = gocronsched.New(registry, nil, nil, gocronsched.Config{})
	require.ErrorContains(t, err, `job "empty": nothing to run`)
}

// flaky fails the first calls, after they took effect: what a lost answer looks
// like.
type flaky struct {
	scheduling.Ledger
	failures int
}

func (l *flaky) Claim(ctx context.Context, term election.Term, job scheduling.JobState, rec scheduling.Record) (scheduling.Record, error) {
	out, err := l.Ledger.Claim(ctx, term, job, rec)
	if l.failures > 0 && err == nil {
		l.failures--
		return out, errors.New("connection reset")
	}
	return out, err
}

func TestALostAnswerNeitherLosesNorDoublesARun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		job := f.job("job", scheduling.Every(time.Hour), nil)
		registry, err := scheduling.NewRegistry(nil, job)
		require.NoError(t, err)
		engine, err := gocronsched.New(registry, f.cluster.Member("a"), &flaky{f.ledger, 3}, keepAll)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- engine.Run(ctx) }()
		time.Sleep(time.Hour + time.Minute)
		cancel()
		require.NoError(t, <-done)
		require.Len(t, f.runs.all(), 1)
		require.Equal(t, scheduling.StateSucceeded, f.history("job")[0].State)
	})
}
