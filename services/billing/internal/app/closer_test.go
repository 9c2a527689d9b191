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

type closing struct {
	open   *mocks.MockOpenInvoices
	closer *app.Closer
	log    interface{ String() string }
}

func setupClosing(t *testing.T, now time.Time) closing {
	t.Helper()
	log, buf := logger(t)
	b := closing{open: mocks.NewMockOpenInvoices(gomock.NewController(t)), log: buf}
	b.closer = app.NewCloser(b.open, clock(now), log)
	return b
}

func TestCloseOverduePagesThroughOpenInvoices(t *testing.T) {
	t.Parallel()
	now := monday.Add(14 * 24 * time.Hour).Add(20 * time.Hour) // 8 December in Berlin, a day after they were due
	b := setupClosing(t, now)
	late := invoices(t, monday, subscriptions(t, 0, 3, "10.00 EUR", "2026-11-23"))
	dueToday := invoices(t, monday.Add(24*time.Hour), subscriptions(t, 3, 2, "10.00 EUR", "2026-11-24"))

	before := day(t, "2026-12-08") // the date in Kiribati
	var marked []domain.Invoice
	mark := func(_ context.Context, inv []domain.Invoice) (int, error) {
		marked = append(marked, inv...)
		return len(inv), nil
	}
	gomock.InOrder(
		b.open.EXPECT().OpenDueBefore(gomock.Any(), before, "", 500).Return(app.InvoicePage{Invoices: late[:2], Next: "x"}, nil),
		b.open.EXPECT().MarkOverdue(gomock.Any(), gomock.Len(2)).DoAndReturn(mark),
		b.open.EXPECT().OpenDueBefore(gomock.Any(), before, "x", 500).Return(app.InvoicePage{Invoices: dueToday, Next: "y"}, nil), // none is late
		b.open.EXPECT().OpenDueBefore(gomock.Any(), before, "y", 500).Return(app.InvoicePage{Invoices: late[2:]}, nil),
		b.open.EXPECT().MarkOverdue(gomock.Any(), gomock.Len(1)).Return(0, nil), // somebody paid in between
	)
	require.NoError(t, b.closer.CloseOverdue(t.Context()))
	require.Len(t, marked, 2)
	for _, inv := range marked {
		require.Equal(t, domain.Overdue, inv.Record().State)
	}
	require.Equal(t, "level=INFO msg=\"invoices overdue\" count=2\n", b.log.String())
}

func TestCloseOverdueStopsBetweenBatches(t *testing.T) {
	t.Parallel()
	b := setupClosing(t, monday)
	lost := errors.New("lead lost")
	ctx, cancel := context.WithCancelCause(t.Context())
	b.open.EXPECT().OpenDueBefore(gomock.Any(), gomock.Any(), "", 500).DoAndReturn(
		func(context.Context, domain.Date, string, int) (app.InvoicePage, error) {
			cancel(lost)
			return app.InvoicePage{Next: "x"}, nil
		})
	err := b.closer.CloseOverdue(ctx)
	require.ErrorIs(t, err, lost)
	require.EqualError(t, err, "close overdue: stopped after 0: lead lost")
}

func TestCloseOverdueReturnsStorageErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk is full")

	b := setupClosing(t, monday)
	b.open.EXPECT().OpenDueBefore(gomock.Any(), gomock.Any(), "", 500).Return(app.InvoicePage{}, broken)
	require.EqualError(t, b.closer.CloseOverdue(t.Context()), "close overdue: list invoices: disk is full")

	b = setupClosing(t, monday.Add(30*24*time.Hour))
	late := invoices(t, monday, subscriptions(t, 0, 3, "10.00 EUR", "2026-11-23"))
	b.open.EXPECT().OpenDueBefore(gomock.Any(), gomock.Any(), "", 500).Return(app.InvoicePage{Invoices: late, Next: "x"}, nil)
	b.open.EXPECT().MarkOverdue(gomock.Any(), gomock.Any()).Return(0, broken)
	require.EqualError(t, b.closer.CloseOverdue(t.Context()), "close overdue: store a batch of 3: disk is full")
}

func TestCloseOverdueClosesEverythingElseBesideADamagedRow(t *testing.T) {
	t.Parallel()
	damaged := errors.New("invoice x: state")
	b := setupClosing(t, monday.Add(30*24*time.Hour))
	late := invoices(t, monday, subscriptions(t, 0, 3, "10.00 EUR", "2026-11-23"))
	b.open.EXPECT().OpenDueBefore(gomock.Any(), gomock.Any(), "", 500).Return(app.InvoicePage{Invoices: late, Unreadable: damaged}, nil)
	b.open.EXPECT().MarkOverdue(gomock.Any(), gomock.Len(3)).Return(3, nil)
	require.ErrorIs(t, b.closer.CloseOverdue(t.Context()), damaged)
	require.Contains(t, b.log.String(), "count=3")
}
