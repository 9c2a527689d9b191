package sqlite

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"example.com/baton/platform/scheduling"
	"example.com/baton/services/billing/internal/app"
	"example.com/baton/services/billing/internal/domain"
)

// fill stores n monthly subscriptions of one customer in Berlin that start on a date, and returns them.
func fill(t testing.TB, s *Store, n int, start string) []domain.Subscription {
	t.Helper()
	zone, err := domain.ParseZone("Europe/Berlin")
	require.NoError(t, err)
	c, err := domain.NewCustomer(domain.CustomerParams{ID: "c-1", Name: "Alder Bakery", Zone: zone, Terms: 14})
	require.NoError(t, err)
	price, err := domain.ParseMoney("1.250 BHD")
	require.NoError(t, err)
	run(t, s, insertCustomer, customerArgs(c)...)
	var all []domain.Subscription
	for i := range n {
		sub, err := domain.NewSubscription(domain.SubscriptionParams{ID: fmt.Sprintf("s-%02d", i), Customer: c, Plan: "Team", Price: price,
			Period: domain.Monthly, AnchorDay: day(t, start).Day(), Start: day(t, start)})
		require.NoError(t, err)
		run(t, s, insertSubscription, subscriptionArgs(sub)...)
		all = append(all, sub)
	}
	return all
}

func day(t testing.TB, s string) domain.Date {
	t.Helper()
	d, err := domain.ParseDate(s)
	require.NoError(t, err)
	return d
}

// issue bills subscriptions at an instant and stores the result.
func issue(t testing.TB, s *Store, subs []domain.Subscription, at time.Time) []domain.Invoice {
	t.Helper()
	var (
		billed   []domain.Subscription
		invoices []domain.Invoice
	)
	for _, sub := range subs {
		due, next := sub.Bill(at)
		billed, invoices = append(billed, next), append(invoices, due...)
	}
	stored, err := s.Issue(t.Context(), billed, invoices)
	require.NoError(t, err)
	return stored
}

func TestDueByPagesInOrder(t *testing.T) {
	t.Parallel()
	s := started(t)
	want := fill(t, s, 5, "2026-11-18")

	page, err := s.DueBy(t.Context(), day(t, "2026-11-17"), "", 10)
	require.NoError(t, err)
	require.Equal(t, app.SubscriptionPage{}, page, "none is due the day before")

	var got []domain.Subscription
	after, pages := "", 0
	for {
		page, err := s.DueBy(t.Context(), day(t, "2026-11-18"), after, 2)
		require.NoError(t, err)
		require.NoError(t, page.Unreadable)
		got = append(got, page.Subscriptions...)
		pages++
		if after = page.Next; after == "" {
			break
		}
	}
	require.Equal(t, want, got, "what was stored comes back")
	require.Equal(t, 3, pages)
}

func TestIssueIsIdempotent(t *testing.T) {
	t.Parallel()
	s := started(t)
	subs := fill(t, s, 3, "2026-11-18")
	require.Len(t, issue(t, s, subs, now), 3)
	before := texts(t, s, everyInvoice)
	require.Empty(t, issue(t, s, subs, now), "the same batch again")
	require.Empty(t, issue(t, s, subs, now.AddDate(0, 0, 1)), "and by somebody who is a day later")
	require.Equal(t, before, texts(t, s, everyInvoice))

	page, err := s.DueBy(t.Context(), day(t, "2026-12-17"), "", 10)
	require.NoError(t, err)
	require.Empty(t, page.Subscriptions)
	page, err = s.DueBy(t.Context(), day(t, "2026-12-18"), "", 10)
	require.NoError(t, err)
	require.Len(t, page.Subscriptions, 3)
	require.Equal(t, 1, page.Subscriptions[0].NextPeriod())
}

func TestIssueNeverGoesBack(t *testing.T) {
	t.Parallel()
	s := started(t)
	subs := fill(t, s, 1, "2026-09-18")
	require.Len(t, issue(t, s, subs, now), 3)
	require.Empty(t, issue(t, s, subs, now.AddDate(0, -1, 0)), "somebody with an older day")
	require.Equal(t, 3, count(t, s, `SELECT next_period FROM subscriptions`))
	require.Equal(t, []string{"2026-12-18"}, texts(t, s, `SELECT next_start FROM subscriptions`))
}

func TestIssueIsAllOrNothing(t *testing.T) {
	t.Parallel()
	s := started(t)
	subs := fill(t, s, 3, "2026-11-18")
	run(t, s, `DELETE FROM subscriptions WHERE id = 's-02'`)
	var invoices []domain.Invoice
	for _, sub := range subs {
		due, _ := sub.Bill(now)
		invoices = append(invoices, due...)
	}
	stored, err := s.Issue(t.Context(), nil, invoices)
	require.ErrorContains(t, err, "sqlite: store invoices: invoice s-02@2026-11-18: ")
	require.ErrorContains(t, err, "FOREIGN KEY")
	require.Empty(t, stored)
	require.Zero(t, count(t, s, `SELECT count(*) FROM invoices`))
}

func TestMarkOverdueLeavesWhatIsNotOpen(t *testing.T) {
	t.Parallel()
	s := started(t)
	issue(t, s, fill(t, s, 3, "2026-11-18"), now)
	late := now.AddDate(0, 0, 15)

	page, err := s.OpenDueBefore(t.Context(), day(t, "2026-12-02"), "", 10)
	require.NoError(t, err)
	require.Empty(t, page.Invoices, "the due date itself is not late")
	page, err = s.OpenDueBefore(t.Context(), day(t, "2026-12-03"), "", 3)
	require.NoError(t, err)
	require.Len(t, page.Invoices, 3)
	require.Equal(t, "s-02@2026-11-18", page.Next)

	run(t, s, `UPDATE invoices SET state = 'paid' WHERE id = 's-01@2026-11-18'`) // between the list and the write
	var overdue []domain.Invoice
	for _, inv := range page.Invoices {
		inv, ok := inv.MarkOverdue(late)
		require.True(t, ok)
		overdue = append(overdue, inv)
	}
	changed, err := s.MarkOverdue(t.Context(), overdue)
	require.NoError(t, err)
	require.Equal(t, 2, changed)
	require.Equal(t, []string{"overdue", "paid", "overdue"}, texts(t, s, `SELECT state FROM invoices ORDER BY id`))
	changed, err = s.MarkOverdue(t.Context(), overdue)
	require.NoError(t, err)
	require.Zero(t, changed)
}

func TestRowsCarryTheRunThatWroteThem(t *testing.T) {
	t.Parallel()
	s := started(t)
	fill(t, s, 1, "2026-11-18")
	log := slog.New(slog.DiscardHandler)

	ctx := scheduling.ContextWithRun(t.Context(), scheduling.Run{ID: "issue_invoices@20261118T030000Z"})
	clock := func() time.Time { return now }
	require.NoError(t, app.NewIssuer(s, s, clock, log).IssueInvoices(ctx, now))
	ctx = scheduling.ContextWithRun(t.Context(), scheduling.Run{ID: "close_overdue@20261218T030000Z"})
	clock = func() time.Time { return now.AddDate(0, 1, 0) }
	require.NoError(t, app.NewCloser(s, clock, log).CloseOverdue(ctx))

	require.Equal(t, []string{"issue_invoices@20261118T030000Z close_overdue@20261218T030000Z"},
		texts(t, s, `SELECT issued_run || ' ' || overdue_run FROM invoices`))
}

func TestDamagedRowsAreLeftOutAndNamed(t *testing.T) {
	t.Parallel()
	s := started(t)
	issue(t, s, fill(t, s, 3, "2026-11-18")[:2], now)
	run(t, s, `UPDATE subscriptions SET currency = 'XXX', start_on = '2026-02-30' WHERE id = 's-00'`)
	run(t, s, `UPDATE invoices SET due_on = '2026-11-01' WHERE id = 's-00@2026-11-18'`)

	subs, err := s.DueBy(t.Context(), day(t, "2026-12-18"), "", 2)
	require.NoError(t, err)
	require.Len(t, subs.Subscriptions, 1)
	require.Equal(t, "s-01", subs.Next)
	require.ErrorContains(t, subs.Unreadable, `subscription "s-00": currency "XXX": must be`)
	require.ErrorContains(t, subs.Unreadable, `date "2026-02-30": must be`)

	invoices, err := s.OpenDueBefore(t.Context(), day(t, "2026-12-18"), "", 2)
	require.NoError(t, err)
	require.Len(t, invoices.Invoices, 1)
	require.EqualError(t, invoices.Unreadable, `invoice "s-00@2026-11-18": due date "2026-11-01": must not be before the issue date`)

	run(t, s, `UPDATE customers SET zone = 'Mars/Base'`)
	subs, err = s.DueBy(t.Context(), day(t, "2026-12-18"), "", 2)
	require.NoError(t, err)
	require.Empty(t, subs.Subscriptions)
	require.ErrorContains(t, subs.Unreadable, `subscription "s-01": zone "Mars/Base": must be`)
	require.Equal(t, "s-01", subs.Next, "paging goes on past damaged rows")
}

func TestOperationsAreTraced(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewSpanRecorder()
	s := started(t, traced(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))))
	fill(t, s, 3, "2026-11-18")
	run(t, s, `UPDATE subscriptions SET currency = 'XXX' WHERE id = 's-02'`)
	clock := func() time.Time { return now }
	require.Error(t, app.NewIssuer(s, s, clock, slog.New(slog.DiscardHandler)).IssueInvoices(t.Context(), now))
	clock = func() time.Time { return now.AddDate(0, 1, 0) }
	require.NoError(t, app.NewCloser(s, clock, slog.New(slog.DiscardHandler)).CloseOverdue(t.Context()))

	rows := map[string]map[string]int64{}
	for _, span := range spans.Ended() {
		attrs := map[string]int64{}
		for _, a := range span.Attributes() {
			if a.Value.Type() == attribute.INT64 {
				attrs[string(a.Key)] = a.Value.AsInt64()
			}
		}
		rows[span.Name()] = attrs
		require.Contains(t, span.Attributes(), attribute.String("db.system.name", "sqlite"))
		require.Equal(t, codes.Unset, span.Status().Code)
	}
	require.Equal(t, map[string]map[string]int64{
		"SELECT subscriptions": {"db.response.returned_rows": 3, "billing.rows_damaged": 1},
		"INSERT invoices":      {"db.operation.batch.size": 2, "billing.rows_changed": 2},
		"SELECT invoices":      {"db.response.returned_rows": 2, "billing.rows_damaged": 0},
		"UPDATE invoices":      {"db.operation.batch.size": 2, "billing.rows_changed": 2},
	}, rows)

	require.NoError(t, s.write.Close())
	spans.Reset()
	_, err := s.MarkOverdue(t.Context(), nil)
	require.ErrorContains(t, err, "sqlite: mark invoices overdue: ")
	require.Equal(t, codes.Error, spans.Ended()[0].Status().Code)
	require.Equal(t, err.Error(), spans.Ended()[0].Status().Description)
}
