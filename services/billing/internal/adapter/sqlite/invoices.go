package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"example.com/baton/platform/scheduling"
	"example.com/baton/services/billing/internal/app"
	"example.com/baton/services/billing/internal/domain"
)

// ON CONFLICT without a target covers both keys, the id and (subscription, period). It does not cover a foreign key or
// a CHECK: those stay errors.
const insertInvoice = `
INSERT INTO invoices (id, subscription_id, customer_id, plan, amount, currency, period_start, period_end, issued_on, due_on, zone, state, issued_run)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`

const advanceSubscription = `UPDATE subscriptions SET next_period = ?, next_start = ? WHERE id = ? AND next_period < ?`

func invoiceArgs(i domain.Invoice, run string) []any {
	r := i.Record()
	return []any{r.ID, r.SubscriptionID, r.CustomerID, r.Plan, r.Amount.Minor(), r.Amount.Currency().Code(), r.PeriodStart.String(),
		r.PeriodEnd.String(), r.IssuedOn.String(), r.DueOn.String(), r.Zone.String(), string(r.State), run}
}

// Issue implements [app.InvoiceBook]. Each new row carries the id of the job run that wrote it.
func (s *Store) Issue(ctx context.Context, billed []domain.Subscription, invoices []domain.Invoice) (stored []domain.Invoice, err error) {
	ctx, end := s.span(ctx, "INSERT", "invoices")
	defer func() { end(err, rowsGiven(len(invoices)), rowsChanged(len(stored))) }()

	run := runID(ctx)
	err = s.transact(ctx, func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, insertInvoice)
		if err != nil {
			return err
		}
		defer insert.Close()
		for _, inv := range invoices {
			changed, err := execute(ctx, insert, invoiceArgs(inv, run)...)
			if err != nil {
				return fmt.Errorf("invoice %s: %w", inv.Record().ID, err)
			}
			if changed {
				stored = append(stored, inv)
			}
		}
		advance, err := tx.PrepareContext(ctx, advanceSubscription)
		if err != nil {
			return err
		}
		defer advance.Close()
		for _, sub := range billed {
			id, next := sub.Params().ID, sub.NextPeriod()
			if _, err := execute(ctx, advance, next, nextStart(sub), id, next); err != nil {
				return fmt.Errorf("subscription %s: %w", id, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("sqlite: store invoices: %w", err)
	}
	return stored, nil
}

// runID is the id of the job run that ctx belongs to, or "".
func runID(ctx context.Context) string {
	run, _ := scheduling.RunFromContext(ctx)
	return run.ID
}

func execute(ctx context.Context, stmt *sql.Stmt, args ...any) (changed bool, err error) {
	res, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

const selectOpen = `
SELECT id, subscription_id, customer_id, plan, amount, currency, period_start, period_end, issued_on, due_on, zone, state
FROM invoices WHERE state = 'open' AND due_on < ? AND id > ?
ORDER BY id LIMIT ?`

// OpenDueBefore implements [app.OpenInvoices].
func (s *Store) OpenDueBefore(ctx context.Context, day domain.Date, after string, limit int) (page app.InvoicePage, err error) {
	ctx, end := s.span(ctx, "SELECT", "invoices")
	var read, damaged int
	defer func() { end(err, rowsRead(read), rowsDamaged(damaged)) }()

	rows, err := s.read.QueryContext(ctx, selectOpen, day.String(), after, limit)
	if err != nil {
		return app.InvoicePage{}, fmt.Errorf("sqlite: list open invoices: %w", err)
	}
	defer rows.Close()
	var unreadable []error
	for rows.Next() {
		var r invoiceRow
		if err := rows.Scan(&r.id, &r.subscription, &r.customer, &r.plan, &r.amount, &r.currency, &r.start, &r.end, &r.issued, &r.due,
			&r.zone, &r.state); err != nil {
			return app.InvoicePage{}, fmt.Errorf("sqlite: list open invoices: %w", err)
		}
		read++
		if read == limit {
			page.Next = r.id
		}
		inv, err := r.restore()
		if err != nil {
			damaged++
			unreadable = append(unreadable, err)
			continue
		}
		page.Invoices = append(page.Invoices, inv)
	}
	if err := rows.Err(); err != nil {
		return app.InvoicePage{}, fmt.Errorf("sqlite: list open invoices: %w", err)
	}
	page.Unreadable = errors.Join(unreadable...)
	return page, nil
}

type invoiceRow struct {
	id, subscription, customer, plan, currency, start, end, issued, due, zone, state string
	amount                                                                           int64
}

func (r invoiceRow) restore() (domain.Invoice, error) {
	var p parser
	rec := domain.InvoiceRecord{ID: r.id, SubscriptionID: r.subscription, CustomerID: r.customer, Plan: r.plan,
		Amount: p.money(r.amount, r.currency), PeriodStart: p.date(r.start), PeriodEnd: p.date(r.end), IssuedOn: p.date(r.issued),
		DueOn: p.date(r.due), Zone: p.zone(r.zone), State: domain.State(r.state)}
	if p.err() != nil {
		return domain.Invoice{}, fmt.Errorf("invoice %q: %w", r.id, p.err())
	}
	return domain.RestoreInvoice(rec)
}

// The state in the condition decides a race with a payment: who comes second changes nothing.
const markOverdue = `UPDATE invoices SET state = 'overdue', overdue_run = ? WHERE id = ? AND state = 'open'`

// MarkOverdue implements [app.OpenInvoices]. Each changed row carries the id of the job run that changed it.
func (s *Store) MarkOverdue(ctx context.Context, overdue []domain.Invoice) (changed int, err error) {
	ctx, end := s.span(ctx, "UPDATE", "invoices")
	defer func() { end(err, rowsGiven(len(overdue)), rowsChanged(changed)) }()

	run := runID(ctx)
	var n int
	err = s.transact(ctx, func(tx *sql.Tx) error {
		update, err := tx.PrepareContext(ctx, markOverdue)
		if err != nil {
			return err
		}
		defer update.Close()
		for _, inv := range overdue {
			id := inv.Record().ID
			ok, err := execute(ctx, update, run, id)
			if err != nil {
				return fmt.Errorf("invoice %s: %w", id, err)
			}
			if ok {
				n++
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("sqlite: mark invoices overdue: %w", err)
	}
	return n, nil
}
