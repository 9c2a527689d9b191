package scheduling_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/platform/scheduling"
)

// walk lists the occurrences of s in (after, now], the plain way.
func walk(s scheduling.Schedule, after, now time.Time) []time.Time {
	var all []time.Time
	for due := s.Next(after); !due.IsZero() && !due.After(now); due = s.Next(due) {
		all = append(all, due)
	}
	return all
}

// TestConsiderCoversWhatWasDue: whatever the schedule, the policy and the gap,
// the row of missed occurrences and the runs are what was due, in order, each
// once.
func TestConsiderCoversWhatWasDue(t *testing.T) {
	t.Parallel()
	for i := range 2000 {
		rnd := rand.New(rand.NewPCG(7, uint64(i))) //nolint:gosec // a test
		schedules := []scheduling.Schedule{
			scheduling.Every(time.Duration(1+rnd.IntN(90)) * time.Second),
			scheduling.Every(time.Duration(1+rnd.IntN(300)) * time.Minute),
			scheduling.Cron("*/7 * * * *", "Europe/Berlin"),
			scheduling.Cron("30 2 * * *", "America/New_York"),
			scheduling.Cron("* * 9-17 * * mon-fri", "Asia/Tokyo"),
			scheduling.At(time.Unix(1_795_000_000+rnd.Int64N(100_000), 0)),
		}
		s := schedules[rnd.IntN(len(schedules))]
		window := time.Duration(rnd.Int64N(int64(72 * time.Hour)))
		policy := []scheduling.CatchUp{
			{}, scheduling.SkipMissed(), scheduling.LatestMissed(window), scheduling.AllMissed(window),
		}[rnd.IntN(4)]
		// Gaps from a second to days, each order of magnitude as likely.
		gap := time.Duration(rnd.Float64() * float64(time.Second) * float64(int(1)<<rnd.IntN(19)))
		after := time.Unix(1_795_000_000+rnd.Int64N(1_000_000), rnd.Int64N(1e9)).UTC()
		now := after.Add(gap)

		due := walk(s, after, now)
		got := policy.Consider(s, after, now)
		scene := fmt.Sprintf("%d: %s, %s, %s to %s", i, s, policy, after, now)
		if len(due) == 0 {
			require.Equal(t, scheduling.Considered{}, got, scene)
			continue
		}
		require.Equal(t, due[len(due)-1], got.Until, scene)
		require.Equal(t, len(due), got.Missed.Count+len(got.Run), scene)
		require.LessOrEqual(t, len(got.Run), scheduling.MaxCatchUp, scene)
		if n := got.Missed.Count; n > 0 {
			require.Equal(t, due[0], got.Missed.First, scene)
			require.Equal(t, due[n-1], got.Missed.Last, scene)
		} else {
			require.Equal(t, scheduling.Missed{}, got.Missed, scene)
		}
		for k, run := range got.Run {
			require.Equal(t, due[got.Missed.Count+k], run.Due, scene)
			age := now.Sub(run.Due)
			if age > scheduling.OnTime {
				require.LessOrEqual(t, age, policy.Window(), scene)
				require.Equal(t, scheduling.TriggerCatchUp, run.Trigger, scene)
			}
		}
	}
}

func TestConsider(t *testing.T) {
	t.Parallel()
	noon := at(t, "2026-11-22T12:00:00Z")
	secondly, minutely := scheduling.Every(time.Second), scheduling.Every(time.Minute)
	const schedule, catchUp = scheduling.TriggerSchedule, scheduling.TriggerCatchUp
	for name, c := range map[string]struct {
		policy     scheduling.CatchUp
		s          scheduling.Schedule
		after, now time.Duration // from noon
		triggers   []scheduling.Trigger
		missed     int
	}{
		"on time":                             {scheduling.SkipMissed(), minutely, 0, time.Minute + 5*time.Millisecond, []scheduling.Trigger{schedule}, 0},
		"half a minute late is on time":       {scheduling.SkipMissed(), minutely, 0, 90 * time.Second, []scheduling.Trigger{schedule}, 0},
		"later is missed":                     {scheduling.SkipMissed(), minutely, 0, 91 * time.Second, nil, 1},
		"later is caught up":                  {scheduling.LatestMissed(time.Hour), minutely, 0, 91 * time.Second, []scheduling.Trigger{catchUp}, 0},
		"a hiccup loses no second":            {scheduling.SkipMissed(), secondly, 0, 2 * time.Second, []scheduling.Trigger{schedule, schedule}, 0},
		"a longer one loses all but two":      {scheduling.SkipMissed(), secondly, 0, 10 * time.Second, []scheduling.Trigger{schedule, schedule, schedule}, 7},
		"the end of the window is inside":     {scheduling.LatestMissed(time.Hour), scheduling.At(noon), -1, time.Hour, []scheduling.Trigger{catchUp}, 0},
		"beyond it is not":                    {scheduling.LatestMissed(time.Hour), scheduling.At(noon), -1, time.Hour + 1, nil, 1},
		"all, the window cuts":                {scheduling.AllMissed(2 * time.Minute), minutely, 0, 5 * time.Minute, []scheduling.Trigger{catchUp, catchUp, schedule}, 2},
		"the clock was set back":              {scheduling.AllMissed(time.Hour), minutely, time.Hour, 0, nil, 0},
		"nothing due":                         {scheduling.AllMissed(time.Hour), minutely, 0, 59 * time.Second, nil, 0},
		"more than is caught up at once, all": {scheduling.AllMissed(24 * time.Hour), minutely, -1500 * time.Minute, -10 * time.Second, nil, 1499 - scheduling.MaxCatchUp},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := c.policy.Consider(c.s, noon.Add(c.after), noon.Add(c.now))
			require.Equal(t, c.missed, got.Missed.Count)
			if c.triggers == nil && c.missed > 0 && len(got.Run) > 0 {
				require.Len(t, got.Run, scheduling.MaxCatchUp)
				require.Equal(t, got.Missed.Last.Add(time.Minute), got.Run[0].Due, "the row ends where the runs begin")
				return
			}
			var triggers []scheduling.Trigger
			for _, run := range got.Run {
				triggers = append(triggers, run.Trigger)
			}
			require.Equal(t, c.triggers, triggers)
		})
	}
}

// TestConsiderAfterYears: a job of every second that nobody ran for ten years
// must not keep a new leader busy, and what it says of the gap must be about
// right. Now is not on a second, as it never is.
func TestConsiderAfterYears(t *testing.T) {
	t.Parallel()
	now := at(t, "2026-11-22T12:00:00.5Z")
	after := at(t, "2016-11-22T12:00:00Z")
	seconds := int(now.Sub(after) / time.Second)
	for name, c := range map[string]struct {
		s     scheduling.Schedule
		total int
		delta float64 // of the total, as a share
	}{
		"every second":              {scheduling.Every(time.Second), seconds, 0},
		"every seven seconds":       {scheduling.Every(7 * time.Second), seconds / 7, 1e-6},
		"cron, every second":        {scheduling.Cron("* * * * * *", "UTC"), seconds, 0.001},
		"cron, every minute":        {scheduling.Cron("* * * * *", "Europe/Berlin"), seconds / 60, 0.001},
		"cron, working hours":       {scheduling.Cron("* 9-16 * * mon-fri", "Europe/Berlin"), seconds / 60 * 8 / 24 * 5 / 7, 0.1},
		"cron, seconds in December": {scheduling.Cron("* * * * dec *", "UTC"), 10 * 31 * 86400, 0.2},
		"cron, seconds in January":  {scheduling.Cron("* * * * jan *", "UTC"), 10 * 31 * 86400, 0.2},
		"cron, a burst every noon":  {scheduling.Cron("* 0-4 12 * * *", "UTC"), 3652 * 300, 0.2},
		"cron, few":                 {scheduling.Cron("0 4 * * *", "UTC"), 3652, 0},
	} {
		for _, policy := range []scheduling.CatchUp{
			{}, scheduling.SkipMissed(), scheduling.AllMissed(24 * time.Hour), scheduling.AllMissed(20 * 365 * 24 * time.Hour),
		} {
			t.Run(name+", "+policy.String(), func(t *testing.T) {
				t.Parallel()
				begin := time.Now()
				got := policy.Consider(c.s, after, now)
				require.Less(t, time.Since(begin), 10*time.Second, "generous, for the race detector on a busy machine")
				require.InDelta(t, c.total, got.Missed.Count+len(got.Run), float64(c.total)*c.delta+1)
				require.Equal(t, c.s.Next(after), got.Missed.First)
				next := c.s.Next(got.Until)
				require.True(t, next.IsZero() || next.After(now))
				// The row, the runs and the end meet without a gap.
				cursor := got.Missed.Last
				for _, run := range got.Run {
					require.Equal(t, c.s.Next(cursor), run.Due)
					cursor = run.Due
				}
				require.Equal(t, got.Until, cursor)
				if policy.KeepsAll() && policy.Window() > 24*time.Hour {
					require.Len(t, got.Run, scheduling.MaxCatchUp)
				}
			})
		}
	}
}

func BenchmarkConsiderAfterYears(b *testing.B) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 5e8, time.UTC)
	after := now.AddDate(-10, 0, 0)
	for _, s := range []scheduling.Schedule{
		scheduling.Every(time.Second), scheduling.Cron("* * * * * *", "Europe/Berlin"), scheduling.Cron("* * * * jan *", "Europe/Berlin"),
	} {
		b.Run(s.String(), func(b *testing.B) {
			for b.Loop() {
				scheduling.AllMissed(24*time.Hour).Consider(s, after, now)
			}
		})
	}
}
