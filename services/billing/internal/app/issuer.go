package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"example.com/baton/services/billing/internal/domain"
)

// maxAhead is how far in the future a day may lie. Clocks of two machines differ a little; a day beyond that is a
// mistake, and it would invoice periods that have not begun.
const maxAhead = time.Hour

// ErrFuture: invoices were asked for a day that has not come.
var ErrFuture = errors.New("app: day is in the future")

var _ InvoiceIssuer = (*Issuer)(nil)

// Issuer implements [InvoiceIssuer]. It is safe for concurrent use, in several processes too.
type Issuer struct {
	subscriptions Subscriptions
	book          InvoiceBook
	now           Clock
	log           *slog.Logger
}

// NewIssuer makes an Issuer.
func NewIssuer(s Subscriptions, b InvoiceBook, now Clock, log *slog.Logger) *Issuer {
	return &Issuer{subscriptions: s, book: b, now: now, log: log}
}

// IssueInvoices works in batches and stops between two of them when ctx ends; what is stored by then stays, and the
// next call goes on from there. Damaged subscriptions are left out and returned as an error after all others have been
// invoiced.
func (i *Issuer) IssueInvoices(ctx context.Context, day time.Time) error {
	if now := i.now(); day.After(now.Add(maxAhead)) {
		return fmt.Errorf("issue invoices for %s: %w", day.Format(time.RFC3339), ErrFuture)
	}
	var (
		issued  totals
		damaged []error
		after   string
	)
	for {
		if ctx.Err() != nil {
			return fmt.Errorf("issue invoices: stopped after %d: %w", issued.count, context.Cause(ctx))
		}
		page, err := i.subscriptions.DueBy(ctx, domain.LatestDate(day), after, batch)
		if err != nil {
			return fmt.Errorf("issue invoices: list subscriptions: %w", err)
		}
		stored, err := i.bill(ctx, page.Subscriptions, day)
		if err != nil {
			return err
		}
		issued.add(stored)
		damaged = append(damaged, page.Unreadable)
		if page.Next == "" {
			break
		}
		after = page.Next
	}
	if issued.count > 0 {
		i.log.InfoContext(ctx, "invoices issued", "count", issued.count, "totals", issued.String())
	}
	if err := errors.Join(damaged...); err != nil {
		return fmt.Errorf("issue invoices: left out: %w", err)
	}
	return nil
}

func (i *Issuer) bill(ctx context.Context, subscriptions []domain.Subscription, day time.Time) ([]domain.Invoice, error) {
	var (
		billed   []domain.Subscription
		invoices []domain.Invoice
	)
	for _, s := range subscriptions {
		if due, next := s.Bill(day); len(due) > 0 {
			billed, invoices = append(billed, next), append(invoices, due...)
		}
	}
	if len(invoices) == 0 {
		return nil, nil
	}
	stored, err := i.book.Issue(ctx, billed, invoices)
	if err != nil {
		return nil, fmt.Errorf("issue invoices: store a batch of %d: %w", len(invoices), err)
	}
	return stored, nil
}

// totals counts invoices and sums their amounts by currency.
type totals struct {
	count int
	sums  []domain.Money // by currency code
}

func (t *totals) add(invoices []domain.Invoice) {
	for _, inv := range invoices {
		t.count++
		amount := inv.Record().Amount
		at, found := slices.BinarySearchFunc(t.sums, amount, func(a, b domain.Money) int {
			return strings.Compare(a.Currency().Code(), b.Currency().Code())
		})
		if found {
			if sum, err := t.sums[at].Add(amount); err == nil {
				t.sums[at] = sum
				continue
			}
			// The sum overflows. A second one begins, because a log line must not stop the billing.
		}
		t.sums = slices.Insert(t.sums, at, amount)
	}
}

func (t *totals) String() string {
	texts := make([]string, len(t.sums))
	for i, m := range t.sums {
		texts[i] = m.String()
	}
	return strings.Join(texts, ", ")
}
