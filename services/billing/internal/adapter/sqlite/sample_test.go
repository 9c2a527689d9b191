package sqlite

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/services/billing/internal/app"
)

func TestSampleIsTheSameForTheSameDay(t *testing.T) {
	t.Parallel()
	a, err := newSample(now, fullSample)
	require.NoError(t, err)
	b, err := newSample(now.Add(time.Hour), fullSample)
	require.NoError(t, err)
	require.Equal(t, a, b)
	require.Len(t, a.customers, fullSample.customers)
	require.Len(t, a.subscriptions, fullSample.subscriptions)
}

func TestSampleCoversTheHardCases(t *testing.T) {
	t.Parallel()
	weights := 0
	for _, m := range markets {
		weights += m.weight
	}
	require.Equal(t, 100, weights)

	data, err := newSample(now, fullSample)
	require.NoError(t, err)
	names, seen := map[string]bool{}, map[string]int{}
	for _, c := range data.customers {
		require.False(t, names[c.Params().Name], "two customers are called %s", c.Params().Name)
		names[c.Params().Name] = true
		seen[c.Params().Zone.String()]++
	}
	for _, s := range data.subscriptions {
		p := s.Params()
		if p.AnchorDay > 28 {
			seen["end of month"]++
		}
		if !p.CancelOn.IsZero() {
			seen["cancelled"]++
		}
		if p.Start.After(day(t, "2026-11-18")) {
			seen["not begun"]++
		}
		seen[p.Price.Currency().Code()]++
		seen[p.Period.String()]++
	}
	for _, inv := range data.invoices {
		seen[string(inv.Record().State)]++
		require.False(t, inv.Record().IssuedOn.After(day(t, "2026-11-18")))
	}
	require.Greater(t, seen["end of month"], 300)
	for _, m := range markets {
		require.Positive(t, seen[m.zone], m.zone)
	}
	for _, k := range []string{"cancelled", "not begun", "EUR", "JPY", "BHD", "CLP", "monthly", "quarterly", "yearly", "open", "paid", "void"} {
		require.Greater(t, seen[k], 10, k)
	}
}

// Loaded on a Wednesday, a Saturday or a Sunday: something becomes overdue at once, something is invoiced on the first
// business day, and on each one after it.
func TestSampleGivesTheJobsWorkFromTheFirstDay(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 3, 4} {
		first := now.AddDate(0, 0, n)
		s := unstarted(t, seeded)
		s.now = func() time.Time { return first }
		start(t, s)

		require.NoError(t, app.NewCloser(s, s.now, slog.New(slog.DiscardHandler)).CloseOverdue(t.Context()))
		require.Greater(t, count(t, s, `SELECT count(*) FROM invoices WHERE state = 'overdue'`), 30)
		require.Greater(t, count(t, s, `SELECT count(*) FROM invoices WHERE state = 'open'`), 100)

		for m := range 7 {
			at := first.AddDate(0, 0, m)
			err := app.NewIssuer(s, s, func() time.Time { return at }, slog.New(slog.DiscardHandler)).IssueInvoices(t.Context(), at)
			require.NoError(t, err)
			issued := count(t, s, `SELECT count(*) FROM invoices WHERE issued_run <> 'seed' AND issued_on = ?`, at.Format(time.DateOnly))
			if w := at.Weekday(); w == time.Saturday || w == time.Sunday {
				require.Zero(t, issued)
			} else {
				require.Greater(t, issued, 20, at)
			}
		}
	}
}

func TestSampleIsLoadedOnlyIntoAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := started(t, in(dir))
	fill(t, s, 1, "2026-11-18")
	require.NoError(t, started(t, in(dir), seeded).Ready(t.Context()))
	require.Equal(t, 1, count(t, s, `SELECT count(*) FROM customers`))
}
