package schedulingfx_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/dig"
	"go.uber.org/fx"

	"example.com/baton/platform/config"
	"example.com/baton/platform/config/configfx"
	"example.com/baton/platform/scheduling"
	"example.com/baton/platform/scheduling/schedulingfx"
)

// A port and its implementation, and a type that is used without a port.
type (
	closer interface {
		CloseOverdue(ctx context.Context) error
	}
	useCase  struct{ closed int }
	reporter struct{ days []time.Time }
)

var errClosed = errors.New("closed")

func (u *useCase) CloseOverdue(context.Context) error {
	u.closed++
	return errClosed
}

func (r *reporter) Report(_ context.Context, day time.Time) error {
	r.days = append(r.days, day)
	return nil
}

// other stands for the sections of other parts.
type other struct {
	Size int `koanf:"size" validate:"min=1" doc:"size"`
}

var jobs = fx.Options(
	schedulingfx.Job("close_overdue", scheduling.Every(5*time.Minute), closer.CloseOverdue, schedulingfx.Timeout(time.Minute)),
	schedulingfx.JobAt("report", scheduling.Cron("0 4 * * *", "Europe/Berlin"), (*reporter).Report),
)

// build builds the registry of a service from a file and an environment.
func build(t *testing.T, yaml string, env []string, opts ...fx.Option) (*scheduling.Registry, error) {
	t.Helper()
	values, err := config.Load(config.Input{
		Service: "billing", Env: env,
		ReadFile: func(path string) ([]byte, error) {
			if path != "config.yaml" || yaml == "" {
				return nil, os.ErrNotExist
			}
			return []byte(yaml), nil
		},
		Sections: []config.Section{
			config.NewSection("scheduling", schedulingfx.DefaultConfig()), config.NewSection("jobs", schedulingfx.Overrides{}),
			config.NewSection("other", other{Size: 1}),
		},
	})
	var problems config.Problems
	if err != nil {
		require.ErrorAs(t, err, &problems) // the checks tell them with theirs
	}
	var registry *scheduling.Registry
	app := fx.New(fx.NopLogger, configfx.Loaded(values), schedulingfx.Module, fx.Options(opts...), fx.Populate(&registry))
	return registry, app.Err()
}

func mustBuild(t *testing.T, yaml string, opts ...fx.Option) *scheduling.Registry {
	t.Helper()
	registry, err := build(t, yaml, nil, opts...)
	require.NoError(t, err)
	return registry
}

func mustJob(t *testing.T, registry *scheduling.Registry, name string) scheduling.Job {
	t.Helper()
	job, ok := registry.Job(name)
	require.True(t, ok, name)
	return job
}

func supply(u *useCase, r *reporter) fx.Option {
	return fx.Provide(func() closer { return u }, func() *reporter { return r })
}

func TestJobCallsThePort(t *testing.T) {
	t.Parallel()
	u := &useCase{}
	job := mustJob(t, mustBuild(t, "", jobs, supply(u, &reporter{})), "close_overdue")
	require.Zero(t, u.closed, "not before it is due")
	require.Equal(t, errClosed, job.Run(t.Context(), scheduling.Run{}))
	require.Equal(t, 1, u.closed)
	require.Equal(t, "every 5m", job.Schedule.String())
	require.Equal(t, time.Minute, job.Timeout)
	require.Equal(t, scheduling.DefaultGroup, job.Group)
}

// TestJobAtKnowsTheDay: at 03:00 UTC it is 04:00 in Berlin and 08:30 in Kolkata,
// but for a job that is due at midnight there it is another day.
func TestJobAtKnowsTheDay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ yaml, due, want string }{
		"declared zone":    {"", "2026-11-22T03:00:00Z", "2026-11-22T04:00:00+01:00"},
		"configured zone":  {"jobs: {report: {cron: '0 0 * * *', zone: Asia/Kolkata}}", "2026-11-21T18:30:00Z", "2026-11-22T00:00:00+05:30"},
		"cron alone: UTC":  {"jobs: {report: {cron: '0 0 * * *'}}", "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z"},
		"interval: UTC":    {"jobs: {report: {every: 1h}}", "2026-11-22T03:00:00Z", "2026-11-22T03:00:00Z"},
		"at: as it is put": {"jobs: {report: {at: 2026-11-22T04:00:00+05:30}}", "2026-11-21T22:30:00Z", "2026-11-22T04:00:00+05:30"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &reporter{}
			job := mustJob(t, mustBuild(t, c.yaml, jobs, supply(&useCase{}, r)), "report")
			due, err := time.Parse(time.RFC3339, c.due)
			require.NoError(t, err)
			require.Equal(t, due.UTC(), job.Schedule.Next(due.Add(-time.Second)), "the test's own due time")
			require.NoError(t, job.Run(t.Context(), scheduling.Run{Due: due.UTC()}))
			require.Len(t, r.days, 1)
			require.Equal(t, c.want, r.days[0].Format(time.RFC3339))
		})
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	job := mustJob(t, mustBuild(t, "scheduling: {groups: [default, mail]}", supply(&useCase{}, nil),
		schedulingfx.Job("close_overdue", scheduling.Every(time.Minute), closer.CloseOverdue,
			schedulingfx.Timeout(time.Second), schedulingfx.Group("mail"), schedulingfx.CatchUp(scheduling.SkipMissed()),
			schedulingfx.Delivery(scheduling.AtMostOnce), schedulingfx.Overlap(scheduling.AllowAll))), "close_overdue")
	job.Run = nil
	require.Equal(t, scheduling.Job{
		Name: "close_overdue", Group: "mail", Schedule: scheduling.Every(time.Minute), Timeout: time.Second,
		Delivery: scheduling.AtMostOnce, CatchUp: scheduling.SkipMissed(), Overlap: scheduling.AllowAll,
	}, job)
}

func TestOverrides(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		yaml  string
		env   []string
		check func(t *testing.T, r *scheduling.Registry)
	}{
		"disabled": {"jobs: {report: {enabled: false}}", nil, func(t *testing.T, r *scheduling.Registry) {
			_, ok := r.Job("report")
			require.False(t, ok)
			require.Len(t, r.Jobs(), 1)
		}},
		"enabled": {"jobs: {report: {enabled: true}}", nil, func(t *testing.T, r *scheduling.Registry) {
			require.Equal(t, "0 4 * * * Europe/Berlin", mustJob(t, r, "report").Schedule.String())
		}},
		"every": {"jobs: {report: {every: 30s}}", nil, func(t *testing.T, r *scheduling.Registry) {
			require.Equal(t, "every 30s", mustJob(t, r, "report").Schedule.String())
		}},
		"cron and zone": {"jobs: {report: {cron: '*/5 * * * *', zone: Asia/Tokyo}}", nil, func(t *testing.T, r *scheduling.Registry) {
			require.Equal(t, "*/5 * * * * Asia/Tokyo", mustJob(t, r, "report").Schedule.String())
		}},
		"at": {"jobs: {report: {at: 2027-01-01T00:00:00Z}}", nil, func(t *testing.T, r *scheduling.Registry) {
			require.Equal(t, "at 2027-01-01T00:00:00Z", mustJob(t, r, "report").Schedule.String())
		}},
		"timeout": {"jobs: {close_overdue: {timeout: 2m}}", nil, func(t *testing.T, r *scheduling.Registry) {
			require.Equal(t, 2*time.Minute, mustJob(t, r, "close_overdue").Timeout)
			require.Equal(t, "every 5m", mustJob(t, r, "close_overdue").Schedule.String(), "the rest stays")
		}},
		"no timeout": {"jobs: {close_overdue: {timeout: 0s}}", nil, func(t *testing.T, r *scheduling.Registry) {
			require.Zero(t, mustJob(t, r, "close_overdue").Timeout)
		}},
		"group": {"{scheduling: {groups: [default, mail]}, jobs: {report: {group: mail}}}", nil, func(t *testing.T, r *scheduling.Registry) {
			require.Equal(t, "mail", mustJob(t, r, "report").Group)
		}},
		"environment over file": {"jobs: {report: {every: 30s}}", []string{"BILLING_JOBS__REPORT__EVERY=10s"}, func(t *testing.T, r *scheduling.Registry) {
			require.Equal(t, "every 10s", mustJob(t, r, "report").Schedule.String())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry, err := build(t, c.yaml, c.env, jobs, supply(&useCase{}, &reporter{}))
			require.NoError(t, err)
			c.check(t, registry)
		})
	}
}

// TestEveryBadOverrideIsToldAtOnce: and together with what is wrong elsewhere.
func TestEveryBadOverrideIsToldAtOnce(t *testing.T) {
	t.Parallel()
	var declared []fx.Option
	for _, name := range []string{"a_both", "b_zone", "c_cron", "d_tz", "e_mars", "f_often", "g_group", "h_uneven", "i_zero", "j_at", "k_all", "l_negative"} {
		declared = append(declared, schedulingfx.Job(name, scheduling.Every(time.Hour), closer.CloseOverdue))
	}
	yaml := `
other: {size: 0}
jobs:
  a_both: {every: 1m, cron: "@daily"}
  b_zone: {zone: Europe/Berlin}
  c_cron: {cron: "61 25 * * *"}
  d_tz: {cron: "TZ=UTC 0 4 * * *"}
  e_mars: {cron: "@daily", zone: Mars/Olympus}
  g_group: {group: mail}
  h_uneven: {every: 1500ms}
  i_zero: {every: 0s}
  j_at: {at: 1969-07-20T20:17:00Z}
  k_all: {every: 500ms, cron: "0 0 30 2 *", zone: Local}
  close_overdu: {every: 1m}
`
	_, err := build(t, yaml, []string{"BILLING_JOBS__F_OFTEN__EVERY=500ms"}, append(declared, supply(&useCase{}, nil),
		schedulingfx.Job("close_overdue", scheduling.Every(time.Hour), closer.CloseOverdue))...)
	var problems config.Problems
	require.ErrorAs(t, err, &problems)
	const file = " (config.yaml)"
	const environment = " (environment BILLING_JOBS__F_OFTEN__EVERY)"
	require.Equal(t, []string{
		"jobs.a_both: must have at most one of every, cron and at" + file,
		`jobs.b_zone.zone: "Europe/Berlin" must be given together with cron` + file,
		`jobs.c_cron.cron: "61 25 * * *" hour "25": "25": must be a number from 0 to 23` + file,
		`jobs.c_cron.cron: "61 25 * * *" minute "61": "61": must be a number from 0 to 59` + file,
		"jobs.close_overdu: is no job of this service, did you mean close_overdue?" + file,
		`jobs.d_tz.cron: "TZ=UTC 0 4 * * *" the time zone is given beside the expression, not in it` + file,
		`jobs.e_mars.zone: "Mars/Olympus" must be a name from the IANA database, such as Europe/Berlin` + file,
		`jobs.f_often.every: "500ms" must be at least 1s` + environment,
		`jobs.g_group.group: "mail" must be one of scheduling.groups` + file,
		`jobs.h_uneven.every: "1.5s" must be whole seconds` + file,
		`jobs.i_zero.every: "0s" must be at least 1s` + file,
		`jobs.j_at.at: "1969-07-20T20:17:00Z" must lie between 1970 and 9999` + file,
		"jobs.k_all: must have at most one of every, cron and at" + file,
		`jobs.k_all.cron: "0 0 30 2 *" never due` + file,
		`jobs.k_all.every: "500ms" must be at least 1s` + file,
		`jobs.k_all.zone: "Local" must be a name from the IANA database, the same on every machine` + file,
		`other.size: 0 must be at least 1` + file,
	}, strings.Split(problems.Error(), "\n"))
}

// TestABadGroupDoesNotHideTheRest: the checks of the jobs need the groups, but not
// so much that without them nothing would be said.
func TestABadGroupDoesNotHideTheRest(t *testing.T) {
	t.Parallel()
	_, err := build(t, "{scheduling: {groups: [Mail, a, a], drain: -1s}, jobs: {reprot: {every: 1m}, report: {group: mail}}, other: {size: 0}}", nil, jobs)
	var problems config.Problems
	require.ErrorAs(t, err, &problems)
	require.Len(t, problems, 3, problems)
	require.Contains(t, problems.Error(), "jobs.reprot: is no job of this service, did you mean report?")
	require.Contains(t, problems.Error(), "scheduling.drain: ")
	require.Contains(t, problems.Error(), "other.size: ")

	_, err = build(t, "scheduling: {groups: [Mail, a, a]}", nil, jobs)
	require.ErrorContains(t, err, `scheduling.groups: "Mail" must be lower-case letters`)
	require.ErrorContains(t, err, `scheduling.groups: "a" must be named once`)
}

func TestANegativeTimeout(t *testing.T) {
	t.Parallel()
	_, err := build(t, "jobs: {report: {timeout: -1s}}", nil, jobs)
	require.ErrorContains(t, err, `jobs.report.timeout: "-1s" must be at least 0s (config.yaml)`)
}

func TestAMissingTypeIsNamed(t *testing.T) {
	t.Parallel()
	_, err := build(t, "", nil, jobs)
	require.ErrorContains(t, err, "missing type")
	require.ErrorContains(t, err, "schedulingfx_test.closer")
	require.ErrorContains(t, err, `platform/scheduling/schedulingfx".declare`)
	require.NotContains(t, dig.RootCause(err).Error(), "reflect")
}

func TestANameGivenTwice(t *testing.T) {
	t.Parallel()
	again := schedulingfx.JobAt("close_overdue", scheduling.Every(time.Hour), (*reporter).Report)
	_, err := build(t, "", nil, jobs, again, supply(&useCase{}, &reporter{}))
	require.ErrorContains(t, err, `job "close_overdue": declared twice`)

	_, err = build(t, "jobs: {close_overdue: {enabled: false}}", nil, jobs, again, supply(&useCase{}, &reporter{}))
	require.ErrorContains(t, err, `job "close_overdue": declared twice`, "whether it runs or not")
}

func TestADisabledJobIsCheckedAllTheSame(t *testing.T) {
	t.Parallel()
	_, err := build(t, "jobs: {report: {enabled: false, every: 1ms}}", nil, jobs)
	require.ErrorContains(t, err, `jobs.report.every: "1ms" must be at least 1s`)
}

func TestAJobDeclaredWrongly(t *testing.T) {
	t.Parallel()
	_, err := build(t, "", nil, supply(&useCase{}, nil),
		schedulingfx.Job("Close", nil, closer.CloseOverdue), schedulingfx.Job("often", scheduling.Every(1), closer.CloseOverdue))
	require.ErrorContains(t, err, `job "Close": name "Close": must match`)
	require.ErrorContains(t, err, `job "Close": schedule: must be given`)
	require.ErrorContains(t, err, `job "often": every "1ns": must be at least 1s`)
}
