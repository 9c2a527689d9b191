package app_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/services/billing/internal/domain"
)

// Monday 23 November 2026, 04:00 in Berlin.
var monday = time.Date(2026, time.November, 23, 3, 0, 0, 0, time.UTC)

func clock(at time.Time) func() time.Time { return func() time.Time { return at } }

func logger(t *testing.T) (*slog.Logger, *bytes.Buffer) {
	t.Helper()
	var buf bytes.Buffer
	return slog.New(slog.NewTextHandler(&buf, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})), &buf
}

func subscriptions(t *testing.T, from, n int, price, start string) []domain.Subscription {
	t.Helper()
	z, err := domain.ParseZone("Europe/Berlin")
	require.NoError(t, err)
	c, err := domain.NewCustomer(domain.CustomerParams{ID: "c-1", Name: "Alder Bakery", Zone: z, Terms: 14})
	require.NoError(t, err)
	amount, err := domain.ParseMoney(price)
	require.NoError(t, err)
	d, err := domain.ParseDate(start)
	require.NoError(t, err)
	var all []domain.Subscription
	for i := range n {
		s, err := domain.NewSubscription(domain.SubscriptionParams{ID: fmt.Sprintf("s-%05d", from+i), Customer: c, Plan: "Team",
			Price: amount, Period: domain.Monthly, AnchorDay: d.Day(), Start: d})
		require.NoError(t, err)
		all = append(all, s)
	}
	return all
}

func invoices(t *testing.T, at time.Time, subs []domain.Subscription) []domain.Invoice {
	t.Helper()
	var all []domain.Invoice
	for _, s := range subs {
		due, _ := s.Bill(at)
		all = append(all, due...)
	}
	require.NotEmpty(t, all)
	return all
}

func day(t *testing.T, s string) domain.Date {
	t.Helper()
	d, err := domain.ParseDate(s)
	require.NoError(t, err)
	return d
}
