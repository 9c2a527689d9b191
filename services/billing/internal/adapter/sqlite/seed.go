package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"example.com/baton/services/billing/internal/domain"
)

// seedRun stands where the id of a job run does in rows that were loaded with the sample data.
const seedRun = "seed"

// seed loads the sample data if there is no customer. The look and the load are one transaction, so of several
// processes exactly one loads.
func (s *Store) seed(ctx context.Context) error {
	data, err := newSample(s.now(), s.size)
	if err != nil {
		return fmt.Errorf("sqlite: make sample data: %w", err)
	}
	loaded := false
	err = s.transact(ctx, func(tx *sql.Tx) error {
		var used bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM customers)`).Scan(&used); err != nil || used {
			return err
		}
		loaded = true
		if err := load(ctx, tx, insertCustomer, data.customers, customerArgs); err != nil {
			return err
		}
		if err := load(ctx, tx, insertSubscription, data.subscriptions, subscriptionArgs); err != nil {
			return err
		}
		return load(ctx, tx, insertInvoice, data.invoices, seededInvoiceArgs)
	})
	if err != nil {
		return fmt.Errorf("sqlite: load sample data: %w", err)
	}
	if loaded {
		s.log.InfoContext(ctx, "sample data loaded", "customers", len(data.customers), "subscriptions", len(data.subscriptions),
			"invoices", len(data.invoices))
	}
	return nil
}

func seededInvoiceArgs(i domain.Invoice) []any { return invoiceArgs(i, seedRun) }

func load[T any](ctx context.Context, tx *sql.Tx, query string, values []T, args func(T) []any) error {
	stmt, err := tx.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for _, v := range values {
		if _, err := stmt.ExecContext(ctx, args(v)...); err != nil {
			return fmt.Errorf("%v: %w", args(v)[0], err)
		}
	}
	return nil
}
