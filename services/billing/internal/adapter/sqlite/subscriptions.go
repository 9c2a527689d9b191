package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"example.com/baton/services/billing/internal/app"
	"example.com/baton/services/billing/internal/domain"
)

const selectDue = `
SELECT s.id, s.plan, s.price, s.currency, s.period, s.anchor_day, s.start_on, coalesce(s.cancel_on, ''), s.next_period,
       c.id, c.name, c.zone, c.terms_days
FROM subscriptions s JOIN customers c ON c.id = s.customer_id
WHERE s.next_start <= ? AND s.id > ?
ORDER BY s.id LIMIT ?`

// DueBy implements [app.Subscriptions].
func (s *Store) DueBy(ctx context.Context, day domain.Date, after string, limit int) (page app.SubscriptionPage, err error) {
	ctx, end := s.span(ctx, "SELECT", "subscriptions")
	var read, damaged int
	defer func() { end(err, rowsRead(read), rowsDamaged(damaged)) }()

	rows, err := s.read.QueryContext(ctx, selectDue, day.String(), after, limit)
	if err != nil {
		return app.SubscriptionPage{}, fmt.Errorf("sqlite: list due subscriptions: %w", err)
	}
	defer rows.Close()
	var unreadable []error
	for rows.Next() {
		var r subscriptionRow
		if err := rows.Scan(&r.id, &r.plan, &r.price, &r.currency, &r.period, &r.anchor, &r.start, &r.cancel, &r.next,
			&r.customer, &r.name, &r.zone, &r.terms); err != nil {
			return app.SubscriptionPage{}, fmt.Errorf("sqlite: list due subscriptions: %w", err)
		}
		read++
		if read == limit {
			page.Next = r.id
		}
		sub, err := r.restore()
		if err != nil {
			damaged++
			unreadable = append(unreadable, err)
			continue
		}
		page.Subscriptions = append(page.Subscriptions, sub)
	}
	if err := rows.Err(); err != nil {
		return app.SubscriptionPage{}, fmt.Errorf("sqlite: list due subscriptions: %w", err)
	}
	page.Unreadable = errors.Join(unreadable...)
	return page, nil
}

type subscriptionRow struct {
	id, plan, currency, period, start, cancel string
	price                                     int64
	anchor, next                              int
	customer, name, zone                      string
	terms                                     int
}

func (r subscriptionRow) restore() (domain.Subscription, error) {
	var p parser
	customer := domain.CustomerParams{ID: r.customer, Name: r.name, Zone: p.zone(r.zone), Terms: r.terms}
	params := domain.SubscriptionParams{ID: r.id, Plan: r.plan, Price: p.money(r.price, r.currency), Period: p.period(r.period),
		AnchorDay: r.anchor, Start: p.date(r.start), CancelOn: p.optionalDate(r.cancel)}
	if p.err() != nil {
		return domain.Subscription{}, fmt.Errorf("subscription %q: %w", r.id, p.err())
	}
	var err error
	if params.Customer, err = domain.NewCustomer(customer); err != nil {
		return domain.Subscription{}, fmt.Errorf("subscription %q: %w", r.id, err)
	}
	return domain.RestoreSubscription(params, r.next)
}

const insertCustomer = `INSERT INTO customers (id, name, zone, terms_days) VALUES (?, ?, ?, ?)`

func customerArgs(c domain.Customer) []any {
	p := c.Params()
	return []any{p.ID, p.Name, p.Zone.String(), p.Terms}
}

const insertSubscription = `
INSERT INTO subscriptions (id, customer_id, plan, price, currency, period, anchor_day, start_on, cancel_on, next_period, next_start)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

func subscriptionArgs(s domain.Subscription) []any {
	p := s.Params()
	return []any{p.ID, p.Customer.Params().ID, p.Plan, p.Price.Minor(), p.Price.Currency().Code(), p.Period.String(), p.AnchorDay,
		p.Start.String(), sql.NullString{String: p.CancelOn.String(), Valid: !p.CancelOn.IsZero()}, s.NextPeriod(), nextStart(s)}
}

func nextStart(s domain.Subscription) sql.NullString {
	d, ok := s.NextStart()
	return sql.NullString{String: d.String(), Valid: ok}
}
