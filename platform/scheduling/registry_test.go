package scheduling_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/platform/scheduling"
)

func TestRegistry(t *testing.T) {
	t.Parallel()
	registry, err := scheduling.NewRegistry([]string{"money", "mail"},
		scheduling.Job{Name: "send_reminders", Schedule: scheduling.Every(time.Hour), Group: "mail"},
		scheduling.Job{Name: "close_overdue", Schedule: scheduling.Every(time.Minute), Group: "money"},
		scheduling.Job{Name: "anything", Schedule: scheduling.Every(time.Minute)},
	)
	require.NoError(t, err)

	names := func(jobs []scheduling.Job) (all []string) {
		for _, job := range jobs {
			all = append(all, job.Name)
		}
		return all
	}
	require.Equal(t, []string{"anything", "close_overdue", "send_reminders"}, names(registry.Jobs()))
	job, ok := registry.Job("close_overdue")
	require.True(t, ok)
	require.Equal(t, "money", job.Group)
	_, ok = registry.Job("close")
	require.False(t, ok)
	require.Equal(t, []string{"mail", "money"}, registry.Groups())
	require.Contains(t, names(registry.InGroup("mail")), "send_reminders")
	require.Len(t, append(registry.InGroup("mail"), registry.InGroup("money")...), 3, "every job is in one group")

	registry.Jobs()[0].Name = "changed"
	registry.InGroup("money")[0].Name = "changed"
	_, ok = registry.Job("anything")
	require.True(t, ok, "the registry keeps its own")
}

func TestGroupsByHash(t *testing.T) {
	t.Parallel()
	groups := []string{"a", "b", "c"}
	var jobs []scheduling.Job
	for i := range 300 {
		jobs = append(jobs, scheduling.Job{Name: fmt.Sprintf("job_%d", i), Schedule: scheduling.Every(time.Hour)})
	}
	first, err := scheduling.NewRegistry(groups, jobs...)
	require.NoError(t, err)
	again, err := scheduling.NewRegistry(groups, jobs...)
	require.NoError(t, err)
	for _, group := range groups {
		require.Greater(t, len(first.InGroup(group)), 50, "spread")
	}
	for _, job := range first.Jobs() {
		other, _ := again.Job(job.Name)
		require.Equal(t, job.Group, other.Group, "every replica says the same")
	}
}

func TestDefaultGroup(t *testing.T) {
	t.Parallel()
	registry, err := scheduling.NewRegistry(nil, scheduling.Job{Name: "job", Schedule: scheduling.Every(time.Hour)})
	require.NoError(t, err)
	require.Equal(t, []string{scheduling.DefaultGroup}, registry.Groups())

	empty, err := scheduling.NewRegistry(nil)
	require.NoError(t, err)
	require.Empty(t, empty.Groups())
}

// TestAllProblemsAtOnce: one start tells everything that is wrong, and every line
// says of which job.
func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	hourly := scheduling.Every(time.Hour)
	_, err := scheduling.NewRegistry([]string{"default", "mail"},
		scheduling.Job{Name: "fine", Schedule: hourly},
		scheduling.Job{Name: "twice", Schedule: hourly},
		scheduling.Job{Name: "twice", Schedule: hourly},
		scheduling.Job{Name: "Close-Overdue", Schedule: hourly},
		scheduling.Job{Name: "", Schedule: hourly},
		scheduling.Job{Name: strings.Repeat("x", 64), Schedule: hourly},
		scheduling.Job{Name: "line\n", Schedule: hourly},
		scheduling.Job{Name: "no_schedule"},
		scheduling.Job{Name: "too_often", Schedule: scheduling.Every(500 * time.Millisecond)},
		scheduling.Job{Name: "uneven", Schedule: scheduling.Every(1500 * time.Millisecond)},
		scheduling.Job{Name: "zone_inside", Schedule: scheduling.Cron("TZ=UTC 0 4 * * *", "")},
		scheduling.Job{Name: "zone_unknown", Schedule: scheduling.Cron("@daily", "Mars/Olympus")},
		scheduling.Job{Name: "zone_local", Schedule: scheduling.Cron("@daily", "Local")},
		scheduling.Job{Name: "all_wrong", Schedule: scheduling.Cron("61 25 * * *", "Mars/Olympus"), Group: "Mail!", Timeout: -1,
			CatchUp: scheduling.AllMissed(-time.Hour)},
		scheduling.Job{Name: "stranger", Schedule: hourly, Group: "males"},
	)
	require.Error(t, err)
	got := strings.Split(err.Error(), "\n")
	want := []string{
		`job "": name "": must match`,
		`job "Close-Overdue": name "Close-Overdue": must match`,
		`job "all_wrong": election: group "Mail!": must match`,
		`job "all_wrong": cron "61 25 * * *": minute "61"`,
		`job "all_wrong": cron "61 25 * * *": hour "25"`,
		`job "all_wrong": zone "Mars/Olympus": must be`,
		`job "all_wrong": timeout -1ns: must not be negative`,
		`job "all_wrong": catch-up window -1h0m0s: must not be negative`,
		`job "all_wrong": group "Mail!": must be one of the service's groups (default, mail)`,
		`job "line\n": name "line\n": must match`,
		`job "no_schedule": schedule: must be given`,
		`job "stranger": group "males": must be one of the service's groups (default, mail)`,
		`job "too_often": every "500ms": must be at least 1s`,
		`job "twice": declared twice`,
		`job "uneven": every "1.5s": must be whole seconds`,
		`job "` + strings.Repeat("x", 64) + `": name`,
		`job "zone_inside": cron "TZ=UTC 0 4 * * *": the time zone is given beside`,
		`job "zone_local": zone "Local": must be a name`,
		`job "zone_unknown": zone "Mars/Olympus": must be a name`,
	}
	require.Len(t, got, len(want), err.Error())
	for i := range want {
		require.Contains(t, got[i], want[i])
		require.True(t, strings.HasPrefix(got[i], `job "`), got[i])
	}
}

func TestRunIDs(t *testing.T) {
	t.Parallel()
	due := at(t, "2026-11-22T06:00:00+01:00")
	require.Equal(t, "close_overdue@20261122T050000Z", scheduling.RunID("close_overdue", due))
	require.Equal(t, "close_overdue@20261122T050000Z", scheduling.Record{Job: "close_overdue", Due: due}.RunID())

	_, ok := scheduling.RunFromContext(t.Context())
	require.False(t, ok)
	run, ok := scheduling.RunFromContext(scheduling.ContextWithRun(context.Background(), scheduling.Run{ID: "x"}))
	require.True(t, ok)
	require.Equal(t, "x", run.ID)
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	require.Equal(t, scheduling.JobState{
		V: 1, Job: "job", Group: "mail", Schedule: "every 5m", Delivery: "at_most_once", CatchUp: "all within 2h", Overlap: "allow_all",
	}, scheduling.Describe(scheduling.Job{
		Name: "job", Group: "mail", Schedule: scheduling.Every(5 * time.Minute), Delivery: scheduling.AtMostOnce,
		CatchUp: scheduling.AllMissed(2 * time.Hour), Overlap: scheduling.AllowAll,
	}))
}
