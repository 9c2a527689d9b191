package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"example.com/baton/services/billing/internal/domain"
)

var _ OverdueCloser = (*Closer)(nil)

// Closer implements [OverdueCloser]. It is safe for concurrent use, in several processes too.
type Closer struct {
	invoices OpenInvoices
	now      Clock
	log      *slog.Logger
}

// NewCloser makes a Closer.
func NewCloser(o OpenInvoices, now Clock, log *slog.Logger) *Closer {
	return &Closer{invoices: o, now: now, log: log}
}

// CloseOverdue works in batches and stops between two of them when ctx ends; what is stored by then stays. Damaged
// invoices are left out and returned as an error after all others have been closed.
//
// It looks at the clock and not at the time the run was due: an invoice that is late now is late, however old the run.
func (c *Closer) CloseOverdue(ctx context.Context) error {
	var (
		now     = c.now()
		closed  int
		damaged []error
		after   string
	)
	for {
		if ctx.Err() != nil {
			return fmt.Errorf("close overdue: stopped after %d: %w", closed, context.Cause(ctx))
		}
		page, err := c.invoices.OpenDueBefore(ctx, domain.LatestDate(now), after, batch)
		if err != nil {
			return fmt.Errorf("close overdue: list invoices: %w", err)
		}
		var overdue []domain.Invoice
		for _, inv := range page.Invoices {
			if inv, ok := inv.MarkOverdue(now); ok {
				overdue = append(overdue, inv)
			}
		}
		if len(overdue) > 0 {
			n, err := c.invoices.MarkOverdue(ctx, overdue)
			if err != nil {
				return fmt.Errorf("close overdue: store a batch of %d: %w", len(overdue), err)
			}
			closed += n
		}
		damaged = append(damaged, page.Unreadable)
		if page.Next == "" {
			break
		}
		after = page.Next
	}
	if closed > 0 {
		c.log.InfoContext(ctx, "invoices overdue", "count", closed)
	}
	if err := errors.Join(damaged...); err != nil {
		return fmt.Errorf("close overdue: left out: %w", err)
	}
	return nil
}
