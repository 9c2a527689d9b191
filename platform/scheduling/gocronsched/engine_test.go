package gocronsched_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/platform/election/memelection"
	"example.com/baton/platform/scheduling"
	"example.com/baton/platform/scheduling/gocronsched"
	"example.com/baton/platform/scheduling/memledger"
	"example.com/baton/platform/scheduling/schedulingtest"
)

// fleet is some replicas in one process, in the fake time of a synctest bubble
// (which begins at midnight of 1 January 2000, UTC).
type fleet struct {
	t        *testing.T
	cluster  *memelection.Cluster
	ledger   *memledger.Ledger
	replicas map[string]*replica
	runs     *history
}

type replica struct {
	cancel context.CancelFunc
	done   chan error
}

// history is what the jobs saw.
type history struct {
	mu   sync.Mutex
	runs []scheduling.Run
}

func (h *history) add(run scheduling.Run) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.runs = append(h.runs, run)
}

func (h *history) all() []scheduling.Run {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]scheduling.Run{}, h.runs...)
}

func newFleet(t *testing.T) *fleet {
	f := &fleet{t: t, cluster: memelection.NewCluster(), replicas: map[string]*replica{}, runs: &history{}}
	f.ledger = memledger.New(memledger.FenceBy(f.cluster.Member("observer")))
	return f
}

// job returns a job that notes its runs and then does body, if there is one.
func (f *fleet) job(name string, s scheduling.Schedule, body func(context.Context, scheduling.Run) error) scheduling.Job {
	return scheduling.Job{Name: name, Schedule: s, Run: func(ctx context.Context, run scheduling.Run) error {
		f.runs.add(run)
		if body == nil {
			return nil
		}
		return body(ctx, run)
	}}
}

// start runs a replica. Every replica of a fleet has the same jobs.
func (f *fleet) start(instance string, cfg gocronsched.Config, jobs ...scheduling.Job) {
	f.t.Helper()
	registry, err := scheduling.NewRegistry(nil, jobs...)
	require.NoError(f.t, err)
	cfg.Instance = instance
	member := f.cluster.Member(instance)
	engine, err := gocronsched.New(registry, member, f.ledger, cfg)
	require.NoError(f.t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(f.t.Context()))
	r := &replica{cancel: cancel, done: make(chan error, 1)}
	go func() { r.done <- engine.Run(ctx) }()
	f.replicas[instance] = r
}

func (f *fleet) stop(instance string) {
	f.t.Helper()
	r := f.replicas[instance]
	delete(f.replicas, instance)
	r.cancel()
	require.NoError(f.t, <-r.done)
}

func (f *fleet) stopAll() {
	for instance := range f.replicas {
		f.stop(instance)
	}
}

func (f *fleet) history(job string) []scheduling.Record {
	f.t.Helper()
	records, err := f.ledger.History(f.t.Context(), job, 1_000_000)
	require.NoError(f.t, err)
	return records
}

var keepAll = gocronsched.Config{History: 1_000_000}

func TestEveryOccurrenceRunsOnceAndOnTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		begin := time.Now()
		late := 0
		job := f.job("minutely", scheduling.Every(time.Minute), func(_ context.Context, run scheduling.Run) error {
			if time.Since(run.Due) > 10*time.Millisecond {
				late++
			}
			return nil
		})
		for _, instance := range []string{"a", "b", "c"} {
			f.start(instance, keepAll, job)
		}
		time.Sleep(24*time.Hour + time.Second)
		f.stopAll()
		v := schedulingtest.Check(job.Schedule, begin, time.Now(), f.history("minutely"))
		require.Empty(t, v.Faults)
		require.Equal(t, 24*60, v.Run)
		require.Len(t, f.runs.all(), 24*60)
		require.Zero(t, late)
	})
}

// TestYearOfFailovers changes the leader every few hours for a year, by loss and
// by hand-over, and with everybody gone now and then.
func TestYearOfFailovers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		begin := time.Now()
		jobs := []scheduling.Job{
			f.job("daily", scheduling.Cron("30 2 * * *", "Europe/Berlin"), nil),
			f.job("quarterly", scheduling.Every(15*time.Minute), nil),
			f.job("weekdays", scheduling.Cron("0 9 * * mon-fri", "America/New_York"), nil),
		}
		jobs[0].CatchUp = scheduling.AllMissed(7 * 24 * time.Hour)
		jobs[2].CatchUp = scheduling.SkipMissed()
		replicas := []string{"a", "b", "c"}
		for _, instance := range replicas {
			f.start(instance, keepAll, jobs...)
		}
		for round := 0; time.Since(begin) < 366*24*time.Hour; round++ {
			time.Sleep(7*time.Hour + time.Duration(round%97)*time.Minute)
			switch round % 5 {
			case 0, 1:
				f.cluster.Expire(scheduling.DefaultGroup)
			case 2, 3:
				next := replicas[round%3]
				f.stop(next)
				f.start(next, keepAll, jobs...)
			case 4:
				f.stopAll()
				time.Sleep(time.Duration(1+round%50) * time.Hour)
				for _, instance := range replicas {
					f.start(instance, keepAll, jobs...)
				}
			}
			synctest.Wait()
		}
		f.stopAll()
		for _, job := range jobs {
			v := schedulingtest.Check(job.Schedule, begin, time.Now(), f.history(job.Name))
			require.Empty(t, v.Faults, job.Name)
			require.Positive(t, v.Run)
			if job.Name == "daily" {
				require.Zero(t, v.Skipped, "all are caught up")
			}
		}
		seen := map[string]bool{}
		for _, run := range f.runs.all() {
			key := fmt.Sprintf("%s#%d", run.ID, run.Attempt)
			require.False(t, seen[key], "%s ran twice", key)
			seen[key] = true
		}
	})
}

func TestCatchUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy       scheduling.CatchUp
		run, skipped int
	}{
		"skip":                     {scheduling.SkipMissed(), 0, 71},
		"latest":                   {scheduling.LatestMissed(24 * time.Hour), 1, 70},
		"latest, too old":          {scheduling.LatestMissed(time.Minute), 0, 71},
		"all":                      {scheduling.AllMissed(7 * 24 * time.Hour), 71, 0},
		"all within the window":    {scheduling.AllMissed(10*time.Hour + time.Minute), 10, 61},
		"what is declared by zero": {scheduling.CatchUp{}, 1, 70},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t)
				begin := time.Now()
				job := f.job("hourly", scheduling.Every(time.Hour), nil)
				job.CatchUp = c.policy
				f.start("a", keepAll, job)
				time.Sleep(30 * time.Minute)
				f.stop("a")
				time.Sleep(71*time.Hour + 5*time.Minute) // until 23:35 on the third day
				f.start("a", keepAll, job)
				time.Sleep(time.Minute)
				f.stopAll()
				v := schedulingtest.Check(job.Schedule, begin, time.Now(), f.history("hourly"))
				require.Empty(t, v.Faults)
				require.Equal(t, c.run, v.Run)
				require.Equal(t, c.skipped, v.Skipped)
				runs := f.runs.all()
				for i, run := range runs {
					require.Equal(t, scheduling.TriggerCatchUp, run.Trigger)
					if i > 0 {
						require.True(t, run.Due.After(runs[i-1].Due), "in order")
					}
				}
			})
		})
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		bodies := map[string]func(context.Context, scheduling.Run) error{
			"succeeds": nil,
			"fails":    func(context.Context, scheduling.Run) error { return errors.New("no such customer") },
			"panics":   func(context.Context, scheduling.Run) error { panic("index out of range") },
			"times_out": func(ctx context.Context, _ scheduling.Run) error {
				<-ctx.Done()
				return fmt.Errorf("query: %w", ctx.Err())
			},
		}
		var jobs []scheduling.Job
		for name, body := range bodies {
			job := f.job(name, scheduling.Every(time.Hour), body)
			job.Timeout = time.Minute
			jobs = append(jobs, job)
		}
		f.start("a", keepAll, jobs...)
		time.Sleep(time.Hour + 2*time.Minute)
		f.stopAll()
		for name, want := range map[string]scheduling.State{
			"succeeds": scheduling.StateSucceeded, "fails": scheduling.StateFailed,
			"panics": scheduling.StateFailed, "times_out": scheduling.StateTimedOut,
		} {
			records := f.history(name)
			require.Len(t, records, 1, name)
			require.Equal(t, want, records[0].State, name)
			require.Equal(t, want != scheduling.StateSucceeded, records[0].Error != "", name)
		}
		require.Contains(t, f.history("panics")[0].Error, "index out of range")
		require.Contains(t, f.history("fails")[0].Error, "no such customer")
		require.Contains(t, f.history("times_out")[0].Error, "after 1m0s")
	})
}

func TestOverlap(t *testing.T) {
	t.Parallel()
	slow := func(ctx context.Context, _ scheduling.Run) error {
		select {
		case <-time.After(150 * time.Second):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for name, c := range map[string]struct {
		change       func(*scheduling.Job)
		run, skipped int
	}{
		"skip new":                    {func(*scheduling.Job) {}, 4, 6},
		"allow all":                   {func(j *scheduling.Job) { j.Overlap = scheduling.AllowAll }, 10, 0},
		"a job that keeps all queues": {func(j *scheduling.Job) { j.CatchUp = scheduling.AllMissed(time.Hour) }, 4, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t)
				begin := time.Now()
				job := f.job("slow", scheduling.Every(time.Minute), slow)
				c.change(&job)
				f.start("a", keepAll, job)
				time.Sleep(10*time.Minute + 30*time.Second)
				v := schedulingtest.Check(job.Schedule, begin, begin.Add(10*time.Minute), f.history("slow"))
				require.Equal(t, c.run, v.Run)
				require.Equal(t, c.skipped, v.Skipped)
				f.cluster.Expire(scheduling.DefaultGroup)
				f.stopAll()
			})
		})
	}
}
