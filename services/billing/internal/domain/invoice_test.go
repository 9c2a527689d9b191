package domain

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func invoice(t testing.TB, zoneName, due string) Invoice {
	t.Helper()
	d := date(t, due)
	i, err := RestoreInvoice(InvoiceRecord{
		ID: "s-1@2026-01-01", SubscriptionID: "s-1", CustomerID: "c-1", Plan: "Team", Amount: money(t, "5 JPY"),
		PeriodStart: date(t, "2026-01-01"), PeriodEnd: date(t, "2026-02-01"), IssuedOn: date(t, "2026-01-01"),
		DueOn: d, Zone: zone(t, zoneName), State: Open,
	})
	require.NoError(t, err)
	return i
}

func TestMarkOverdueAfterTheDueDateInTheCustomersZone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zone, due, at string
		want          bool
	}{
		{"Europe/Berlin", "2026-11-20", "2026-11-20T22:59:59Z", false}, // the due date is the last day to pay
		{"Europe/Berlin", "2026-11-20", "2026-11-20T23:00:00Z", true},
		{"America/Los_Angeles", "2026-11-20", "2026-11-21T07:59:59Z", false},
		{"America/Los_Angeles", "2026-11-20", "2026-11-21T08:00:00Z", true},
		{"Pacific/Auckland", "2026-11-20", "2026-11-20T11:00:00Z", true},
		{"America/Santiago", "2026-09-05", "2026-09-06T03:59:59Z", false}, // midnight does not exist
		{"America/Santiago", "2026-09-05", "2026-09-06T04:00:00Z", true},
		{"America/Havana", "2026-10-31", "2026-11-01T03:59:59Z", false}, // midnight comes twice
		{"America/Havana", "2026-10-31", "2026-11-01T04:00:00Z", true},
		{"America/Havana", "2026-10-31", "2026-11-01T05:30:00Z", true},
	} {
		i := invoice(t, c.zone, c.due)
		closed, ok := i.MarkOverdue(instant(t, c.at))
		require.Equal(t, c.want, ok, "%+v", c)
		require.Equal(t, Open, i.Record().State, "a value does not change")
		if ok {
			require.Equal(t, Overdue, closed.Record().State)
		}
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	late := instant(t, "2026-12-01T12:00:00Z")
	for state, want := range map[State]struct{ overdue, settles bool }{
		Open:    {true, true},
		Overdue: {false, true},
		Paid:    {false, false},
		Void:    {false, false},
	} {
		r := invoice(t, "UTC", "2026-11-20").Record()
		r.State = state
		i, err := RestoreInvoice(r)
		require.NoError(t, err)

		_, ok := i.MarkOverdue(late)
		require.Equal(t, want.overdue, ok, state)
		paid, payErr := i.Pay()
		void, voidErr := i.Void()
		if want.settles {
			require.NoError(t, payErr)
			require.NoError(t, voidErr)
			require.Equal(t, Paid, paid.Record().State)
			require.Equal(t, Void, void.Record().State)
			continue
		}
		require.ErrorIs(t, payErr, ErrSettled)
		require.ErrorIs(t, voidErr, ErrSettled)
		require.ErrorContains(t, payErr, "pay invoice s-1@2026-01-01, which is "+string(state))
	}
}

func TestRestoreInvoiceNamesEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := RestoreInvoice(InvoiceRecord{ID: "x", State: "lost"})
	for _, want := range []string{`invoice "x"`, `subscription ""`, `customer ""`, `id "x": must be subscription@period start`, `plan ""`, "amount",
		"period start", "period end", `zone "": must be set`, `state "lost": must be open, overdue, paid or void`} {
		require.ErrorContains(t, err, want)
	}
	r := invoice(t, "UTC", "2026-11-20").Record()
	r.IssuedOn, r.DueOn = date(t, "2025-12-31"), date(t, "2025-12-30")
	_, err = RestoreInvoice(r)
	require.ErrorContains(t, err, `issue date "2025-12-31": must not be before the period start`)
	require.ErrorContains(t, err, `due date "2025-12-30": must not be before the issue date`)
}
