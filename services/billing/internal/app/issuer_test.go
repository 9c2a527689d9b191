package app_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"example.com/baton/services/billing/internal/app"
	"example.com/baton/services/billing/internal/app/mocks"
	"example.com/baton/services/billing/internal/domain"
)

type issuing struct {
	subs   *mocks.MockSubscriptions
	book   *mocks.MockInvoiceBook
	issuer *app.Issuer
	log    interface{ String() string }
}

func setupIssuing(t *testing.T, now time.Time) issuing {
	t.Helper()
	ctrl := gomock.NewController(t)
	log, buf := logger(t)
	b := issuing{subs: mocks.NewMockSubscriptions(ctrl), book: mocks.NewMockInvoiceBook(ctrl), log: buf}
	b.issuer = app.NewIssuer(b.subs, b.book, clock(now), log)
	return b
}

// stores returns everything it is given as new, and keeps it.
func (b issuing) stores(into *[]domain.Invoice) *gomock.Call {
	return b.book.EXPECT().Issue(gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(
		func(_ context.Context, _ []domain.Subscription, inv []domain.Invoice) ([]domain.Invoice, error) {
			*into = append(*into, inv...)
			return inv, nil
		})
}

func TestIssueInvoicesPagesThroughAllThatIsDue(t *testing.T) {
	t.Parallel()
	b := setupIssuing(t, monday)
	first := subscriptions(t, 0, 500, "10.00 EUR", "2026-11-23")
	second := subscriptions(t, 500, 20, "1000 JPY", "2026-11-22") // Sunday's
	second = append(second, subscriptions(t, 520, 5, "10.00 EUR", "2026-11-24")...)

	// In Kiribati, furthest ahead, it is the 23rd too when it is 04:00 in Berlin.
	by := day(t, "2026-11-23")
	var stored []domain.Invoice
	gomock.InOrder(
		b.subs.EXPECT().DueBy(gomock.Any(), by, "", 500).Return(app.SubscriptionPage{Subscriptions: first, Next: "s-00499"}, nil),
		b.stores(&stored),
		b.subs.EXPECT().DueBy(gomock.Any(), by, "s-00499", 500).Return(app.SubscriptionPage{Subscriptions: second}, nil),
		b.stores(&stored),
	)
	require.NoError(t, b.issuer.IssueInvoices(t.Context(), monday))
	require.Len(t, stored, 520, "tomorrow's five are only candidates")
	require.Equal(t, "level=INFO msg=\"invoices issued\" count=520 totals=\"5000.00 EUR, 20000 JPY\"\n", b.log.String())
}

func TestIssueInvoicesStoresHowFarEachSubscriptionIs(t *testing.T) {
	t.Parallel()
	b := setupIssuing(t, monday)
	late := subscriptions(t, 0, 1, "10.00 EUR", "2026-08-23") // four periods behind
	b.subs.EXPECT().DueBy(gomock.Any(), gomock.Any(), "", 500).Return(app.SubscriptionPage{Subscriptions: late}, nil)
	b.book.EXPECT().Issue(gomock.Any(), gomock.Any(), gomock.Len(4)).DoAndReturn(
		func(_ context.Context, billed []domain.Subscription, inv []domain.Invoice) ([]domain.Invoice, error) {
			require.Len(t, billed, 1)
			require.Equal(t, 4, billed[0].NextPeriod())
			return inv[3:], nil // another process stored the rest
		})
	require.NoError(t, b.issuer.IssueInvoices(t.Context(), monday))
	require.Contains(t, b.log.String(), `count=1 totals="10.00 EUR"`, "only what was new is counted")
}

func TestIssueInvoicesWritesNothingWhenNothingIsDue(t *testing.T) {
	t.Parallel()
	saturday := monday.Add(-2 * 24 * time.Hour)
	b := setupIssuing(t, monday)
	subs := subscriptions(t, 0, 3, "10.00 EUR", "2026-11-21")
	b.subs.EXPECT().DueBy(gomock.Any(), day(t, "2026-11-21"), "", 500).Return(app.SubscriptionPage{Subscriptions: subs}, nil)
	require.NoError(t, b.issuer.IssueInvoices(t.Context(), saturday)) // no call to Issue is expected
	require.Empty(t, b.log.String())
}

func TestIssueInvoicesStopsBetweenBatches(t *testing.T) {
	t.Parallel()
	b := setupIssuing(t, monday)
	lost := errors.New("lead lost")
	ctx, cancel := context.WithCancelCause(t.Context())
	b.subs.EXPECT().DueBy(gomock.Any(), gomock.Any(), "", 500).Return(
		app.SubscriptionPage{Subscriptions: subscriptions(t, 0, 2, "10.00 EUR", "2026-11-23"), Next: "s-00001"}, nil)
	b.book.EXPECT().Issue(gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(
		func(_ context.Context, _ []domain.Subscription, inv []domain.Invoice) ([]domain.Invoice, error) {
			cancel(lost)
			return inv, nil
		})
	err := b.issuer.IssueInvoices(ctx, monday)
	require.ErrorIs(t, err, lost)
	require.EqualError(t, err, "issue invoices: stopped after 2: lead lost")
}

func TestIssueInvoicesBillsEverybodyElseBesideADamagedRow(t *testing.T) {
	t.Parallel()
	b := setupIssuing(t, monday)
	damaged := errors.New(`subscription "s-9": zone "Mars/Base": must be …`)
	var stored []domain.Invoice
	b.subs.EXPECT().DueBy(gomock.Any(), gomock.Any(), "", 500).Return(app.SubscriptionPage{Unreadable: damaged, Next: "s-9"}, nil)
	b.subs.EXPECT().DueBy(gomock.Any(), gomock.Any(), "s-9", 500).Return(
		app.SubscriptionPage{Subscriptions: subscriptions(t, 0, 2, "10.00 EUR", "2026-11-23")}, nil)
	b.stores(&stored)
	require.ErrorIs(t, b.issuer.IssueInvoices(t.Context(), monday), damaged)
	require.Len(t, stored, 2)
}

func TestIssueInvoicesReturnsStorageErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk is full")

	b := setupIssuing(t, monday)
	b.subs.EXPECT().DueBy(gomock.Any(), gomock.Any(), "", 500).Return(app.SubscriptionPage{}, broken)
	require.EqualError(t, b.issuer.IssueInvoices(t.Context(), monday), "issue invoices: list subscriptions: disk is full")

	b = setupIssuing(t, monday)
	b.subs.EXPECT().DueBy(gomock.Any(), gomock.Any(), "", 500).Return(
		app.SubscriptionPage{Subscriptions: subscriptions(t, 0, 2, "10.00 EUR", "2026-11-23"), Next: "s-1"}, nil)
	b.book.EXPECT().Issue(gomock.Any(), gomock.Any(), gomock.Any()).Return(nil, broken)
	err := b.issuer.IssueInvoices(t.Context(), monday)
	require.ErrorIs(t, err, broken)
	require.EqualError(t, err, "issue invoices: store a batch of 2: disk is full")
}

func TestIssueInvoicesRefusesTheFuture(t *testing.T) {
	t.Parallel()
	b := setupIssuing(t, monday)
	err := b.issuer.IssueInvoices(t.Context(), monday.Add(time.Hour+time.Second))
	require.ErrorIs(t, err, app.ErrFuture)

	b.subs.EXPECT().DueBy(gomock.Any(), gomock.Any(), "", 500).Return(app.SubscriptionPage{}, nil)
	require.NoError(t, b.issuer.IssueInvoices(t.Context(), monday.Add(time.Hour)), "clocks may differ a little")
}

func TestASumThatOverflowsStopsNothing(t *testing.T) {
	t.Parallel()
	b := setupIssuing(t, monday)
	subs := subscriptions(t, 0, 2, "92233720368547758.07 EUR", "2026-11-23")
	subs = append(subs, subscriptions(t, 2, 1, "1.00 AED", "2026-11-23")...)
	var stored []domain.Invoice
	b.subs.EXPECT().DueBy(gomock.Any(), gomock.Any(), "", 500).Return(app.SubscriptionPage{Subscriptions: subs}, nil)
	b.stores(&stored)
	require.NoError(t, b.issuer.IssueInvoices(t.Context(), monday))
	require.Contains(t, b.log.String(), `totals="1.00 AED, 92233720368547758.07 EUR, 92233720368547758.07 EUR"`)
}
