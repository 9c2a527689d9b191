package domain

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func date(t testing.TB, s string) Date {
	t.Helper()
	d, err := ParseDate(s)
	require.NoError(t, err)
	return d
}

func zone(t testing.TB, name string) Zone {
	t.Helper()
	z, err := ParseZone(name)
	require.NoError(t, err)
	return z
}

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	require.NoError(t, err)
	return at
}

func TestNewDateRefusesDaysThatDoNotExist(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		year  int
		month time.Month
		day   int
		ok    bool
	}{
		{2024, time.February, 29, true},
		{2023, time.February, 29, false},
		{2100, time.February, 29, false}, // a century that is not a leap year
		{2000, time.February, 29, true},  // one that is
		{2026, time.April, 31, false},
		{2026, time.December, 31, true},
		{2026, 13, 1, false},
		{2026, time.May, 0, false},
		{0, time.May, 1, false},
		{10000, time.January, 1, false},
	} {
		d, err := NewDate(c.year, c.month, c.day)
		if c.ok {
			require.NoError(t, err)
			require.Equal(t, c.day, d.Day())
			continue
		}
		var bad *InvalidError
		require.ErrorAs(t, err, &bad, "%d-%d-%d", c.year, c.month, c.day)
		require.Equal(t, "date", bad.Field)
		require.True(t, d.IsZero())
	}
}

func TestParseDateRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "2026-2-01", "2026-02-30", "20260201", "2026-02-01T00:00:00Z", "0000-01-01", " 2026-02-01", "12026-02-01"} {
		_, err := ParseDate(s)
		require.EqualError(t, err, `date "`+s+`": must be a calendar date written YYYY-MM-DD`)
	}
}

func TestBusinessDay(t *testing.T) {
	t.Parallel()
	monday := date(t, "2026-11-23")
	for i, want := range []bool{true, true, true, true, true, false, false, true} {
		require.Equal(t, want, monday.AddDays(i).BusinessDay(), monday.AddDays(i))
	}
}

func TestDateOrderIsTextOrder(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	first := date(t, "0001-01-01")
	for range 2000 {
		// Stores compare dates as text.
		a, b := first.AddDays(r.IntN(3_600_000)), first.AddDays(r.IntN(3_600_000))
		require.Equal(t, a.Before(b), a.String() < b.String())
		require.Equal(t, a.After(b), a.String() > b.String())
		n := r.IntN(20_000) - 10_000
		require.Equal(t, a, a.AddDays(n).AddDays(-n))
		require.Equal(t, n > 0, a.Before(a.AddDays(n)))
	}
}

func TestZoneDateAt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, at, want, why string }{
		{"Europe/Berlin", "2026-11-23T03:00:00Z", "2026-11-23", "the run at 04:00 in Berlin"},
		{"America/Los_Angeles", "2026-11-23T03:00:00Z", "2026-11-22", "behind"},
		{"Pacific/Auckland", "2026-11-23T03:00:00Z", "2026-11-23", "ahead, same date"},
		{"Pacific/Auckland", "2026-11-23T11:00:00Z", "2026-11-24", "ahead, midnight in summer time"},
		{"Pacific/Kiritimati", "2026-11-23T10:00:00Z", "2026-11-24", "the zone furthest ahead"},
		{"America/Santiago", "2026-09-06T03:59:59Z", "2026-09-05", "before a gap that removes midnight"},
		{"America/Santiago", "2026-09-06T04:00:00Z", "2026-09-06", "the day begins at 01:00"},
		{"America/Havana", "2026-11-01T04:30:00Z", "2026-11-01", "first 00:30 of a fold at midnight"},
		{"America/Havana", "2026-11-01T05:30:00Z", "2026-11-01", "second 00:30"},
		{"Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29", "the last second before the date line moved"},
		{"Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31", "30 December did not exist"},
	} {
		at := instant(t, c.at)
		require.Equal(t, c.want, zone(t, c.zone).DateAt(at).String(), "%s: %s", c.zone, c.why)
		require.Equal(t, c.want, zone(t, c.zone).DateAt(at.In(zone(t, "Asia/Tokyo").loc)).String(), "the zone of the time value must not matter")
	}
}

func TestParseZoneRefuses(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "Local", "Europe/Nowhere", "../../etc/passwd", "+01:00"} {
		_, err := ParseZone(name)
		var bad *InvalidError
		require.ErrorAs(t, err, &bad, name)
		require.Equal(t, "zone", bad.Field)
		require.Equal(t, name, bad.Value)
	}
}

func TestLatestDateIsNeverBeforeAnyZonesDate(t *testing.T) {
	t.Parallel()
	names := []string{"Pacific/Kiritimati", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Apia", "Asia/Tokyo", "UTC", "Pacific/Pago_Pago"}
	at := instant(t, "2026-01-01T00:00:00Z")
	for range 2 * 366 {
		at = at.Add(11*time.Hour + 59*time.Minute)
		latest := LatestDate(at)
		require.Equal(t, latest, zone(t, "Pacific/Kiritimati").DateAt(at), "the bound is reached")
		for _, name := range names {
			require.False(t, zone(t, name).DateAt(at).After(latest), name)
		}
	}
}

func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"2026-11-22", "0001-01-01", "9999-12-31", "2023-02-29", "", "2026-1-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDate(s)
		if err != nil {
			require.True(t, d.IsZero())
			return
		}
		require.Equal(t, s, d.String())
		again, err := NewDate(d.year, d.month, d.day)
		require.NoError(t, err)
		require.Equal(t, d, again)
	})
}
