package domain

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCycleStarts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		period Period
		anchor int
		start  string
		want   []string
	}{
		{"31st returns after short months", Monthly, 31, "2026-01-31",
			[]string{"2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"}},
		{"30th in a leap year", Monthly, 30, "2024-01-30",
			[]string{"2024-01-30", "2024-02-29", "2024-03-30"}},
		{"29th in a common year", Monthly, 29, "2026-01-01",
			[]string{"2026-01-29", "2026-02-28", "2026-03-29"}},
		{"quarterly through February", Quarterly, 31, "2025-11-30",
			[]string{"2025-11-30", "2026-02-28", "2026-05-31", "2026-08-31"}},
		{"yearly from a leap day", Yearly, 29, "2024-02-29",
			[]string{"2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"}},
		{"yearly 29 February over a century", Yearly, 29, "2096-02-29",
			[]string{"2096-02-29", "2097-02-28", "2098-02-28", "2099-02-28", "2100-02-28", "2101-02-28", "2102-02-28", "2103-02-28", "2104-02-29"}},
		{"first anchor day after the start", Monthly, 10, "2026-01-11",
			[]string{"2026-02-10", "2026-03-10"}},
		{"first anchor day over the year's end", Yearly, 5, "2025-12-06",
			[]string{"2026-01-05", "2027-01-05"}},
		{"the start is the clamped anchor day", Monthly, 31, "2026-02-28",
			[]string{"2026-02-28", "2026-03-31"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cycle, err := NewCycle(c.period, c.anchor, date(t, c.start))
			require.NoError(t, err)
			for n, want := range c.want {
				require.Equal(t, want, cycle.Start(n).String(), "period %d", n)
			}
		})
	}
}

// Whatever the cycle: starts ascend by exactly one period, land on the anchor day or the end of a shorter month, and
// the first is the first anchor day on or after the start date.
func TestCycleProperties(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 2))
	for range 3000 {
		period := []Period{Monthly, Quarterly, Yearly}[r.IntN(3)]
		anchor := 1 + r.IntN(31)
		start := firstStart.AddDays(r.IntN(73_000))
		cycle, err := NewCycle(period, anchor, start)
		require.NoError(t, err)

		onAnchor := func(d Date) bool {
			return d.day == anchor || (d.day < anchor && d.AddDays(1).Day() == 1)
		}
		first := start
		for !onAnchor(first) {
			first = first.AddDays(1)
		}
		require.Equal(t, first, cycle.Start(0), "%v anchor %d start %v", period, anchor, start)

		n := 1 + r.IntN(400)
		before, d := cycle.Start(n-1), cycle.Start(n)
		require.True(t, onAnchor(d), "%v anchor %d", d, anchor)
		months := (d.year-before.year)*12 + int(d.month) - int(before.month)
		require.Equal(t, int(period), months)
		checked, err := NewDate(d.year, d.month, d.day)
		require.NoError(t, err)
		require.Equal(t, d, checked)
	}
}

func TestNewCycleNamesEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := NewCycle(Period(2), 32, Date{1999, time.December, 31})
	require.ErrorContains(t, err, `period "Period(2)": must be monthly, quarterly or yearly`)
	require.ErrorContains(t, err, `anchor day "32": must be 1 to 31`)
	require.ErrorContains(t, err, `start date "1999-12-31": must be in the years 2000 to 2199`)
	_, err = NewCycle(Monthly, 0, Date{})
	require.ErrorContains(t, err, `anchor day "0"`)
	require.ErrorContains(t, err, `start date ""`)
}

func FuzzParsePeriod(f *testing.F) {
	for _, s := range []string{"monthly", "quarterly", "yearly", "Monthly", "", "Period(1)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePeriod(s)
		if err != nil {
			require.Zero(t, p)
			return
		}
		require.Equal(t, s, p.String())
		_, err = NewCycle(p, 1, firstStart)
		require.NoError(t, err)
	})
}
