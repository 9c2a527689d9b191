package scheduling_test

import (
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/platform/scheduling"
)

func at(t testing.TB, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339Nano, text)
	require.NoError(t, err)
	return parsed
}

func TestNext(t *testing.T) {
	t.Parallel()
	noon := at(t, "2026-11-22T12:00:00Z")
	for name, c := range map[string]struct {
		schedule    scheduling.Schedule
		after, want string
	}{
		"every: aligned to the clock":    {scheduling.Every(5 * time.Minute), "2026-11-22T10:02:17Z", "2026-11-22T10:05:00Z"},
		"every: strictly after":          {scheduling.Every(5 * time.Minute), "2026-11-22T10:05:00Z", "2026-11-22T10:10:00Z"},
		"every: a nanosecond before":     {scheduling.Every(5 * time.Minute), "2026-11-22T10:04:59.999999999Z", "2026-11-22T10:05:00Z"},
		"every: a nanosecond after":      {scheduling.Every(5 * time.Minute), "2026-11-22T10:05:00.000000001Z", "2026-11-22T10:10:00Z"},
		"every: counted since 1970":      {scheduling.Every(7 * time.Hour), "1970-01-01T00:00:00Z", "1970-01-01T07:00:00Z"},
		"every: at 1970 itself":          {scheduling.Every(7 * time.Hour), "1969-12-31T23:59:59.5Z", "1970-01-01T00:00:00Z"},
		"every: before 1970":             {scheduling.Every(7 * time.Hour), "1969-12-31T16:59:59Z", "1969-12-31T17:00:00Z"},
		"every: before 1970, on a point": {scheduling.Every(7 * time.Hour), "1969-12-31T17:00:00Z", "1970-01-01T00:00:00Z"},
		"every: whatever the zone":       {scheduling.Every(time.Hour), "2026-11-22T10:15:00+05:30", "2026-11-22T05:00:00Z"},
		"cron: in its zone":              {scheduling.Cron("0 4 * * *", "Europe/Berlin"), "2026-11-22T00:00:00Z", "2026-11-22T03:00:00Z"},
		"cron: without a zone":           {scheduling.Cron("0 4 * * *", ""), "2026-11-22T00:00:00Z", "2026-11-22T04:00:00Z"},
		"cron: invalid":                  {scheduling.Cron("0 4 * *", ""), "2026-11-22T00:00:00Z", ""},
		"cron: unknown zone":             {scheduling.Cron("0 4 * * *", "Mars/Olympus"), "2026-11-22T00:00:00Z", ""},
		"at: before":                     {scheduling.At(noon), "2026-11-22T11:59:59.9Z", "2026-11-22T12:00:00Z"},
		"at: once":                       {scheduling.At(noon), "2026-11-22T12:00:00Z", ""},
		"at: rounded up":                 {scheduling.At(noon.Add(time.Millisecond)), "2026-11-22T12:00:00Z", "2026-11-22T12:00:01Z"},
		"every: invalid, never due":      {scheduling.Every(-time.Minute), "2026-11-22T12:00:00Z", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := c.schedule.Next(at(t, c.after))
			if c.want == "" {
				require.True(t, got.IsZero(), got)
				return
			}
			require.Equal(t, c.want, got.Format(time.RFC3339Nano))
			require.Equal(t, time.UTC, got.Location())
		})
	}
}

// TestEveryKeepsItsPhase: from wherever one asks, the due times are the multiples
// of the interval and none is left out.
func TestEveryKeepsItsPhase(t *testing.T) {
	t.Parallel()
	property := func(seconds uint32, unix int32, nanos uint32) bool {
		d := int64(seconds%uint32(366*24*3600)) + 1
		after := time.Unix(int64(unix), int64(nanos%1e9))
		next := scheduling.Every(time.Duration(d) * time.Second).Next(after)
		return next.Unix()%d == 0 && next.Nanosecond() == 0 && next.After(after) && !next.Add(-time.Duration(d)*time.Second).After(after)
	}
	require.NoError(t, quick.Check(property, &quick.Config{MaxCount: 20_000}))
}

func TestLocation(t *testing.T) {
	t.Parallel()
	require.Equal(t, "UTC", scheduling.Every(time.Hour).Location().String())
	require.Equal(t, "UTC", scheduling.Cron("@daily", "").Location().String())
	require.Equal(t, "Europe/Berlin", scheduling.Cron("@daily", "Europe/Berlin").Location().String())
	require.Equal(t, "UTC", scheduling.Cron("@daily", "Mars/Olympus").Location().String(), "never nil")

	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	require.Equal(t, berlin, scheduling.At(time.Date(2026, 11, 22, 0, 0, 0, 0, berlin)).Location())
	machine := time.Date(2026, 11, 22, 0, 0, 0, 0, time.Local)
	location := scheduling.At(machine).Location()
	require.NotEqual(t, time.Local, location, "another machine's is another")
	require.Equal(t, machine.Format(time.RFC3339), machine.In(location).Format(time.RFC3339))
}

func TestScheduleAsText(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]scheduling.Schedule{
		"every 5m":                scheduling.Every(5 * time.Minute),
		"every 1h":                scheduling.Every(time.Hour),
		"every 1h30m":             scheduling.Every(90 * time.Minute),
		"every 1m30s":             scheduling.Every(90 * time.Second),
		"every 10s":               scheduling.Every(10 * time.Second),
		"every 1h0m10s":           scheduling.Every(time.Hour + 10*time.Second),
		"0 4 * * * Europe/Berlin": scheduling.Cron("0 4 * * *", "Europe/Berlin"),
		"@daily UTC":              scheduling.Cron("@daily", ""),
		"at 2026-11-22T12:00:00Z": scheduling.At(at(t, "2026-11-22T13:00:00+01:00")),
	} {
		require.Equal(t, want, s.String())
	}
	require.Equal(t, "latest within 24h", scheduling.CatchUp{}.String())
	require.Equal(t, "all within 168h", scheduling.AllMissed(7*24*time.Hour).String())
	require.Equal(t, "skip", scheduling.SkipMissed().String())
	require.Equal(t, "at_least_once at_most_once", scheduling.AtLeastOnce.String()+" "+scheduling.AtMostOnce.String())
	require.Equal(t, "skip_new allow_all", scheduling.SkipNew.String()+" "+scheduling.AllowAll.String())
}

func TestInvalidSchedules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		schedule scheduling.Schedule
		want     []string // one line each
	}{
		{scheduling.Every(500 * time.Millisecond), []string{`every "500ms": must be at least 1s`}},
		{scheduling.Every(0), []string{`every "0s": must be at least 1s`}},
		{scheduling.Every(-time.Hour), []string{`every "-1h0m0s": must be at least 1s`}},
		{scheduling.Every(1500 * time.Millisecond), []string{`every "1.5s": must be whole seconds`}},
		{scheduling.Every(367 * 24 * time.Hour), []string{`every "8808h0m0s": must be at most 8784h (366 days)`}},
		{scheduling.Cron("0 4 * *", ""), []string{`cron "0 4 * *": 4 fields; want 5`}},
		{scheduling.Cron("61 25 * * *", ""), []string{`cron "61 25 * * *": minute "61": `, `cron "61 25 * * *": hour "25": `}},
		{scheduling.Cron("TZ=UTC 0 4 * * *", ""), []string{`cron "TZ=UTC 0 4 * * *": the time zone is given beside the expression`}},
		{scheduling.Cron("0 0 30 2 *", "Mars/Olympus"), []string{`cron "0 0 30 2 *": never due`, `zone "Mars/Olympus": must be a name from the IANA database`}},
		{scheduling.Cron("@daily", "Local"), []string{`zone "Local": must be a name from the IANA database, the same on every machine`}},
		{scheduling.Cron("@daily", "localtime"), []string{`zone "localtime": must be a name from the IANA database, the same on every machine`}},
		{scheduling.Cron("@daily", "../../etc/passwd"), []string{`zone "../../etc/passwd": must be`}},
		{scheduling.At(time.Time{}), []string{`at "0001-01-01T00:00:00Z": must lie between 1970 and 9999`}},
		{scheduling.At(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)), []string{`at "10000-01-01T00:00:00Z": must lie`}},
	} {
		err := c.schedule.Validate()
		require.Error(t, err, c.schedule)
		lines := strings.Split(err.Error(), "\n")
		require.Len(t, lines, len(c.want), err.Error())
		for i, want := range c.want {
			require.Contains(t, lines[i], want)
		}
		var invalid *scheduling.InvalidError
		require.ErrorAs(t, err, &invalid)
	}
	for _, s := range []scheduling.Schedule{
		scheduling.Every(time.Second), scheduling.Every(366 * 24 * time.Hour), scheduling.Cron("*/5 * * * * *", "UTC"), scheduling.At(at(t, "1970-01-01T00:00:00Z")),
	} {
		require.NoError(t, s.Validate(), s)
	}
}

// FuzzCron: nothing that stands in a declaration or a configuration panics, and a
// valid schedule only ever goes forwards, in whole seconds.
func FuzzCron(f *testing.F) {
	for _, seed := range []string{"0 4 * * *", "*/5 * * * * *", "@daily", "TZ=UTC * * * * *", "0 0 29 2 *", "? ? ? ? ?", ""} {
		f.Add(seed, "Europe/Berlin", int64(1_795_000_000), uint32(1))
		f.Add(seed, "Local", int64(-1), uint32(0))
	}
	f.Fuzz(func(t *testing.T, expr, zone string, unix int64, nanos uint32) {
		s := scheduling.Cron(expr, zone)
		after := time.Unix(unix%400_000_000_000, int64(nanos%1e9))
		next := s.Next(after)
		_, _ = s.String(), s.Location().String()
		if err := s.Validate(); err != nil {
			var invalid *scheduling.InvalidError
			require.ErrorAs(t, err, &invalid)
			require.True(t, next.IsZero())
			return
		}
		if !next.IsZero() {
			require.True(t, next.After(after))
			require.Zero(t, next.Nanosecond())
			require.Equal(t, time.UTC, next.Location())
		}
	})
}
