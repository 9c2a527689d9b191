package cron_test

import (
	"strings"
	"testing"
	"time"

	"example.com/baton/pkg/cron"
)

func mustParse(t testing.TB, expr string) cron.Spec {
	t.Helper()
	spec, err := cron.Parse(expr)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func mustLoad(t testing.TB, zone string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func mustTime(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestNext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, expr, zone, after, want string }{
		{"every minute", "* * * * *", "UTC", "2026-11-22T10:00:00Z", "2026-11-22T10:01:00Z"},
		{"strictly after", "0 4 * * *", "UTC", "2026-11-22T04:00:00Z", "2026-11-23T04:00:00Z"},
		{"a fraction of a second before", "0 4 * * *", "UTC", "2026-11-22T03:59:59.999Z", "2026-11-22T04:00:00Z"},
		{"seconds", "*/15 * * * * *", "UTC", "2026-11-22T10:00:31Z", "2026-11-22T10:00:45Z"},
		{"zone", "0 4 * * *", "Europe/Berlin", "2026-11-22T00:00:00Z", "2026-11-22T03:00:00Z"},
		{"names, lists, ranges", "30 9 * jan,jul mon-fri", "UTC", "2026-11-22T00:00:00Z", "2027-01-01T09:30:00Z"},
		{"either day when both are restricted", "0 0 13 * fri", "UTC", "2026-11-07T00:00:00Z", "2026-11-13T00:00:00Z"},
		{"friday although not the 13th", "0 0 13 * fri", "UTC", "2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z"},
		{"sunday is 0 and 7", "0 0 * * 7", "UTC", "2026-11-16T00:00:00Z", "2026-11-22T00:00:00Z"},
		{"leap day", "0 0 29 2 *", "UTC", "2026-11-22T00:00:00Z", "2028-02-29T00:00:00Z"},
		{"leap day across 2100", "0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"},
		{"macro", "@weekly", "UTC", "2026-11-20T00:00:00Z", "2026-11-22T00:00:00Z"},
		{"31st", "0 0 31 * *", "UTC", "2026-11-01T00:00:00Z", "2026-12-31T00:00:00Z"},
		{"step from a value", "5/20 * * * *", "UTC", "2026-11-22T10:06:00Z", "2026-11-22T10:25:00Z"},

		{"gap: due when the clocks change", "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
		{"gap: the day after is as always", "30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
		{"gap: many skipped times, one occurrence", "*/10 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"},
		{"gap: elapsed time goes on", "30 * * * *", "Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"},
		{"fold: the first time", "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
		{"fold: not the second time", "30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		{"fold: started between the two", "30 2 * * *", "Europe/Berlin", "2026-10-25T01:00:00Z", "2026-10-26T01:30:00Z"},
		{"fold: elapsed time goes on", "30 * * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
		{"half-hour fold", "45 1 * * *", "Australia/Lord_Howe", "2026-04-04T14:44:00Z", "2026-04-04T14:45:00Z"},
		{"half-hour fold, second time", "45 1 * * *", "Australia/Lord_Howe", "2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"},
		{"a whole day skipped", "0 12 30 12 *", "Pacific/Apia", "2011-12-29T23:00:00Z", "2011-12-30T10:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := mustParse(t, c.expr).Next(mustTime(t, c.after), mustLoad(t, c.zone))
			if want := mustTime(t, c.want); !got.Equal(want) {
				t.Errorf("Next = %s, want %s", got.Format(time.RFC3339), c.want)
			}
			if got.Location() != time.UTC {
				t.Errorf("in %s, want UTC", got.Location())
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for expr, wants := range map[string][]string{
		"":                                      {"0 fields"},
		"* * * *":                               {"4 fields"},
		"* * * * * * *":                         {"7 fields"},
		"TZ=UTC":                                {"beside the expression"},
		"TZ=":                                   {"beside the expression"},
		"CRON_TZ=Europe/Berlin 0 4 * *":         {"beside the expression"},
		"@fortnightly":                          {"unknown name", "@weekly"},
		"@every 5m":                             {"unknown name"},
		"60 * * * *":                            {`minute "60"`, "0 to 59"},
		"* 24 * * *":                            {`hour "24"`},
		"* * 0 * *":                             {`day of month "0"`, "1 to 31"},
		"* * * 13 *":                            {`month "13"`, "name such as jan"},
		"* * * * 8":                             {`day of week "8"`},
		"*/0 * * * *":                           {"step", "1 to 59"},
		"5-1 * * * *":                           {"runs backwards"},
		"1, * * * *":                            {`minute "1,"`},
		"-1 * * * *":                            {"must be a number"},
		"+5 * * * *":                            {"must be a number"},
		"? * * * *":                             {"must be a number"},
		"0 0 30 2 *":                            {"never due"},
		"99 99 * * *":                           {"minute", "hour"},
		strings.Repeat("1,", 300) + "1 * * * *": {"longer than 512"},
	} {
		_, err := cron.Parse(expr)
		if err == nil {
			t.Errorf("%q was accepted", expr)
			continue
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: error %q does not say %q", expr, err, want)
			}
		}
	}
}

// zones with the rules that are hardest: half-hour changes, changes at midnight,
// skipped days, negative DST, changes by Ramadan.
var zones = []string{
	"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Casablanca",
	"Asia/Tehran", "Pacific/Apia", "Europe/Dublin", "America/St_Johns", "Asia/Kathmandu", "Antarctica/Troll", "Africa/Cairo",
}

// TestNextAgainstTheClock compares Next, minute by minute around every change of
// the clocks in ten years, with a walk over a clock on the wall.
func TestNextAgainstTheClock(t *testing.T) {
	t.Parallel()
	exprs := []string{"30 2 * * *", "0 0 * * *", "*/20 1-3 * * *", "15,45 0,23 * * *", "30 * * * *", "*/7 */2 * * *", "0 12 * * mon"}
	for _, zone := range zones {
		loc := mustLoad(t, zone)
		for _, change := range changes(loc, 2010, 2020) {
			from, to := change.Add(-30*time.Hour), change.Add(30*time.Hour)
			for _, expr := range exprs {
				spec := mustParse(t, expr)
				want := walk(spec, expr, loc, from, to)
				var got []time.Time
				for at := spec.Next(from, loc); at.Before(to); at = spec.Next(at, loc) {
					got = append(got, at)
				}
				if len(got) != len(want) {
					t.Fatalf("%s in %s around %s:\n got %v\nwant %v", expr, zone, change, got, want)
				}
				for i := range got {
					if !got[i].Equal(want[i]) {
						t.Fatalf("%s in %s around %s: occurrence %d is %s, want %s", expr, zone, change, i, got[i], want[i])
					}
				}
			}
		}
	}
}

func changes(loc *time.Location, fromYear, toYear int) []time.Time {
	var all []time.Time
	at := time.Date(fromYear, 1, 1, 0, 0, 0, 0, time.UTC)
	for at.Year() < toYear {
		_, end := at.In(loc).ZoneBounds()
		if end.IsZero() || end.Year() >= toYear {
			break
		}
		all = append(all, end.UTC())
		at = end
	}
	return append(all, time.Date(fromYear, 6, 15, 0, 0, 0, 0, time.UTC))
}

// walk moves a clock minute by minute and notes what it shows: the rules of Next,
// put another way.
func walk(spec cron.Spec, expr string, loc *time.Location, from, to time.Time) []time.Time {
	elapsed := strings.HasPrefix(strings.Fields(expr)[1], "*")
	shown := map[string]bool{} // wall-clock minutes seen since well before from
	var due []time.Time
	start := from.Add(-48 * time.Hour).Truncate(time.Minute)
	for at := start; at.Before(to); at = at.Add(time.Minute) {
		wall := at.In(loc)
		label := wall.Format("2006-01-02 15:04")
		matches := spec.Next(asUTC(wall).Add(-time.Minute), time.UTC).Equal(asUTC(wall))
		again := shown[label]
		shown[label] = true
		if !elapsed {
			matches = matches && !again || skippedMatch(spec, loc, at)
		}
		if matches && at.After(from) {
			due = append(due, at)
		}
	}
	return due
}

// skippedMatch reports whether the clock was set forwards at the instant at, over
// a minute that the expression names.
func skippedMatch(spec cron.Spec, loc *time.Location, at time.Time) bool {
	before, after := asUTC(at.Add(-time.Minute).In(loc)), asUTC(at.In(loc))
	for wall := before.Add(time.Minute); wall.Before(after); wall = wall.Add(time.Minute) {
		if spec.Next(wall.Add(-time.Minute), time.UTC).Equal(wall) {
			return true
		}
	}
	return false
}

func asUTC(wall time.Time) time.Time {
	return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, time.UTC)
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"* * * * *", "TZ=", "@daily", "0 0 29 2 1", "*/5 1-2,4 ? jan-dec 7", "0 0 0 1 1 *", "\x00", "1-/ * * * *"} {
		f.Add(seed, int64(1_800_000_000), "Europe/Berlin")
	}
	f.Fuzz(func(t *testing.T, expr string, unix int64, zone string) {
		spec, err := cron.Parse(expr)
		if err != nil {
			return
		}
		if spec.String() != expr {
			t.Errorf("String = %q, want %q", spec, expr)
		}
		loc, err := time.LoadLocation(zone)
		if err != nil {
			loc = time.UTC
		}
		at := time.Unix(unix%4_000_000_000, 0)
		for range 5 {
			next := spec.Next(at, loc)
			if next.IsZero() {
				return
			}
			if !next.After(at) {
				t.Fatalf("%q: Next(%s) = %s, not after it", expr, at, next)
			}
			at = next
		}
	})
}

func BenchmarkNext(b *testing.B) {
	spec, loc := mustParse(b, "0 4 * * mon-fri"), mustLoad(b, "Europe/Berlin")
	at := mustTime(b, "2026-11-22T00:00:00Z")
	b.ReportAllocs()
	for b.Loop() {
		spec.Next(at, loc)
	}
}
