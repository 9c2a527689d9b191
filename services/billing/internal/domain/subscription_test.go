package domain

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func customer(t testing.TB, zoneName string) Customer {
	t.Helper()
	c, err := NewCustomer(CustomerParams{ID: "c-1", Name: "Alder Bakery", Zone: zone(t, zoneName), Terms: 14})
	require.NoError(t, err)
	return c
}

func params(t testing.TB, zoneName string, anchor int, start string) SubscriptionParams {
	t.Helper()
	return SubscriptionParams{ID: "s-1", Customer: customer(t, zoneName), Plan: "Team", Price: money(t, "29.00 EUR"),
		Period: Monthly, AnchorDay: anchor, Start: date(t, start)}
}

func subscription(t testing.TB, p SubscriptionParams) Subscription {
	t.Helper()
	s, err := NewSubscription(p)
	require.NoError(t, err)
	return s
}

// berlin is the due time of the daily run on the nth day after 1 November 2026: 04:00 in Berlin.
func berlin(t testing.TB, n int) time.Time {
	return time.Date(2026, time.November, 1+n, 4, 0, 0, 0, zone(t, "Europe/Berlin").loc)
}

func periods(invoices []Invoice) []string {
	var starts []string
	for _, i := range invoices {
		starts = append(starts, i.r.PeriodStart.String())
	}
	return starts
}

func TestBillMakesTheInvoiceOfThePeriod(t *testing.T) {
	t.Parallel()
	p := params(t, "Europe/Berlin", 31, "2026-10-31") // a Saturday
	invoices, next := subscription(t, p).Bill(instant(t, "2026-11-02T03:00:00Z"))
	require.Len(t, invoices, 1)
	require.Equal(t, InvoiceRecord{
		ID: "s-1@2026-10-31", SubscriptionID: "s-1", CustomerID: "c-1", Plan: "Team", Amount: p.Price,
		PeriodStart: date(t, "2026-10-31"), PeriodEnd: date(t, "2026-11-30"),
		IssuedOn: date(t, "2026-11-02"), DueOn: date(t, "2026-11-16"), Zone: zone(t, "Europe/Berlin"), State: Open,
	}, invoices[0].Record())
	require.Equal(t, 1, next.NextPeriod())
	start, ok := next.NextStart()
	require.True(t, ok)
	require.Equal(t, "2026-11-30", start.String())
}

func TestBillOnBusinessDaysOfTheCustomer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, zone, start, at string
		issued                string // "": nothing
	}{
		{"on its day", "Europe/Berlin", "2026-11-03", "2026-11-03T03:00:00Z", "2026-11-03"},
		{"not before its day", "Europe/Berlin", "2026-11-04", "2026-11-03T03:00:00Z", ""},
		{"not on Saturday", "Europe/Berlin", "2026-11-07", "2026-11-07T03:00:00Z", ""},
		{"not on Sunday", "Europe/Berlin", "2026-11-07", "2026-11-08T03:00:00Z", ""},
		{"Saturday's period on Monday", "Europe/Berlin", "2026-11-07", "2026-11-09T03:00:00Z", "2026-11-09"},
		{"behind: still the day before", "America/Los_Angeles", "2026-11-03", "2026-11-03T03:00:00Z", ""},
		{"behind: by the next run", "America/Los_Angeles", "2026-11-03", "2026-11-04T03:00:00Z", "2026-11-03"},
		{"behind: Saturday's run is Friday there", "America/Los_Angeles", "2026-11-06", "2026-11-07T03:00:00Z", "2026-11-06"},
		{"behind: Monday's run is Sunday there", "America/Los_Angeles", "2026-11-07", "2026-11-09T03:00:00Z", ""},
		{"ahead: same date at 04:00 Berlin", "Pacific/Auckland", "2026-11-03", "2026-11-03T03:00:00Z", "2026-11-03"},
		{"ahead: Sunday evening is Monday there", "Pacific/Auckland", "2026-11-09", "2026-11-08T18:00:00Z", "2026-11-09"},
		{"spring gap at 02:30", "Europe/Berlin", "2027-03-29", "2027-03-29T02:00:00Z", "2027-03-29"},
		{"gap that removes midnight, a Sunday", "America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z", ""},
		{"and the Monday after it", "America/Santiago", "2026-09-06", "2026-09-07T07:00:00Z", "2026-09-07"},
		{"fold at midnight, first pass", "America/Havana", "2026-11-01", "2026-11-02T05:00:00Z", "2026-11-02"},
		{"a day that did not exist", "Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", ""},
		{"is billed on the next business day", "Pacific/Apia", "2011-12-30", "2012-01-01T10:00:00Z", "2012-01-02"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			start := date(t, c.start)
			s := subscription(t, params(t, c.zone, start.Day(), c.start))
			invoices, next := s.Bill(instant(t, c.at))
			if c.issued == "" {
				require.Empty(t, invoices)
				require.Equal(t, s, next)
				return
			}
			require.Len(t, invoices, 1)
			require.Equal(t, c.issued, invoices[0].r.IssuedOn.String())
			require.Equal(t, c.start, invoices[0].r.PeriodStart.String())
		})
	}
}

// In the night of 25 October 2026 Berlin's clocks go back, so its runs at 04:00 are 25 hours apart. Seen from São
// Paulo they come at 23:00 on the 23rd and then at midnight on the 25th: no run ever has the 24th for a date there.
func TestADayWithoutARunLosesNoPeriod(t *testing.T) {
	t.Parallel()
	loc := zone(t, "Europe/Berlin").loc
	saoPaulo := zone(t, "America/Sao_Paulo")
	day := func(d int) time.Time { return time.Date(2026, time.October, d, 4, 0, 0, 0, loc) }
	require.Equal(t, "2026-10-23", saoPaulo.DateAt(day(24)).String())
	require.Equal(t, "2026-10-25", saoPaulo.DateAt(day(25)).String())

	s := subscription(t, params(t, "America/Sao_Paulo", 24, "2026-10-24"))
	var all []Invoice
	for d := 23; d <= 27; d++ {
		var got []Invoice
		got, s = s.Bill(day(d))
		all = append(all, got...)
	}
	require.Equal(t, []string{"2026-10-24"}, periods(all))
	require.Equal(t, "2026-10-26", all[0].r.IssuedOn.String(), "the Monday after")
}

func TestCancellation(t *testing.T) {
	t.Parallel()
	far := instant(t, "2027-06-01T12:00:00Z")
	for cancel, want := range map[string][]string{
		"":           {"2026-11-10", "2026-12-10", "2027-01-10", "2027-02-10", "2027-03-10", "2027-04-10", "2027-05-10"},
		"2026-11-10": nil, // the start date itself: nothing is billed
		"2026-12-09": {"2026-11-10"},
		"2026-12-10": {"2026-11-10"}, // a period that starts on the date is not billed
		"2026-12-11": {"2026-11-10", "2026-12-10"},
	} {
		p := params(t, "Europe/Berlin", 10, "2026-11-10")
		if cancel != "" {
			p.CancelOn = date(t, cancel)
		}
		invoices, next := subscription(t, p).Bill(far)
		require.Equal(t, want, periods(invoices), "cancelled on %q", cancel)
		_, more := next.NextStart()
		require.Equal(t, cancel == "", more)
	}
}

// The promise to the scheduler. Over random subscriptions and a random set of days on which the job did not run:
// catching up on each missed day in order gives exactly the invoices of an uninterrupted service, catching up on the
// last day only gives the same periods, and billing again changes nothing.
func TestMissedDaysLoseNothingAndChangeNothing(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 3))
	names := []string{"Europe/Berlin", "America/Los_Angeles", "Pacific/Auckland", "America/Sao_Paulo", "Asia/Kolkata", "Pacific/Kiritimati", "America/Havana"}
	const days = 420 // two winters and every clock change between

	for range 60 {
		p := params(t, names[r.IntN(len(names))], 1+r.IntN(31), "2026-10-01")
		p.Start = p.Start.AddDays(r.IntN(120))
		p.Period = []Period{Monthly, Monthly, Quarterly, Yearly}[r.IntN(4)]
		if r.IntN(3) == 0 {
			p.CancelOn = p.Start.AddDays(r.IntN(300))
		}
		fresh := subscription(t, p)

		var onTime []Invoice
		s := fresh
		for n := range days {
			var got []Invoice
			got, s = s.Bill(berlin(t, n))
			onTime = append(onTime, got...)
			again, same := s.Bill(berlin(t, n))
			require.Empty(t, again)
			require.Equal(t, s, same)
			if n > 0 {
				older, _ := s.Bill(berlin(t, n-1))
				require.Empty(t, older, "an older day after a newer one")
			}
		}

		var inOrder, latest []Invoice
		a, b := fresh, fresh
		for n := 0; n < days; {
			down := 1 + r.IntN(20) // days without the job, then it comes back
			for m := n; m < min(n+down, days); m++ {
				var got []Invoice
				got, a = a.Bill(berlin(t, m))
				inOrder = append(inOrder, got...)
			}
			n += down
			var got []Invoice
			got, b = b.Bill(berlin(t, min(n, days)-1))
			latest = append(latest, got...)
		}
		require.Equal(t, onTime, inOrder)
		final := berlin(t, days+2) // the last day may be a weekend
		rest, _ := b.Bill(final)
		latest = append(latest, rest...)
		rest, _ = s.Bill(final)
		require.Equal(t, periods(append(onTime, rest...)), periods(latest))

		for i, inv := range onTime {
			rec := inv.Record()
			require.True(t, rec.IssuedOn.BusinessDay())
			require.False(t, rec.IssuedOn.Before(rec.PeriodStart))
			if i > 0 {
				require.Equal(t, onTime[i-1].r.PeriodEnd, rec.PeriodStart, "periods meet without gap or overlap")
			}
			restored, err := RestoreInvoice(rec)
			require.NoError(t, err)
			require.Equal(t, inv, restored)
		}
	}
}

func TestRestoreSubscriptionContinuesWhereItWas(t *testing.T) {
	t.Parallel()
	_, s := subscription(t, params(t, "Europe/Berlin", 31, "2026-01-31")).Bill(instant(t, "2026-06-15T12:00:00Z"))
	restored, err := RestoreSubscription(s.Params(), s.NextPeriod())
	require.NoError(t, err)
	require.Equal(t, s, restored)
}

func TestConstructorsNameEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := NewCustomer(CustomerParams{ID: "Bad ID", Name: "\xff", Terms: -1})
	for _, want := range []string{`customer "Bad ID"`, `id "Bad ID": must be 1 to 64 of`, `name "\xff": must be`, `zone "": must be set`, `payment terms "-1": must be 0 to 180 days`} {
		require.ErrorContains(t, err, want)
	}
	_, err = NewCustomer(CustomerParams{ID: strings.Repeat("a", 65), Name: strings.Repeat("é", 201), Zone: zone(t, "UTC"), Terms: 181})
	require.ErrorContains(t, err, `payment terms "181"`)
	require.ErrorContains(t, err, "name ")
	require.ErrorContains(t, err, "id ")

	p := params(t, "UTC", 1, "2026-01-01")
	p.ID, p.Customer, p.Plan, p.AnchorDay, p.Period = "-x", Customer{}, "", 32, 0
	p.Price = money(t, "0.00 EUR")
	p.CancelOn = date(t, "2025-12-31")
	_, err = RestoreSubscription(p, -1)
	for _, want := range []string{`subscription "-x"`, `id "-x"`, `customer "": must be set`, `plan "": must be`, `price "0.00 EUR": must be more than zero`,
		`cancellation date "2025-12-31": must not be before the start date 2026-01-01`, `next period "-1"`, `anchor day "32"`, `period "Period(0)"`} {
		require.ErrorContains(t, err, want)
	}
}
