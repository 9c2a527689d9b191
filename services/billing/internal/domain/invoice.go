package domain

import (
	"errors"
	"fmt"
	"time"
)

// ErrSettled: the invoice is paid or void, and both are final.
var ErrSettled = errors.New("domain: invoice is settled")

// State is where an invoice is in its life:
//
//	open ──► overdue
//	  │         │
//	  └────┬────┘
//	       ▼
//	  paid or void (final)
type State string

// The states of an invoice.
const (
	Open    State = "open"
	Overdue State = "overdue"
	Paid    State = "paid"
	Void    State = "void"
)

// InvoiceRecord is an invoice as it is stored.
type InvoiceRecord struct {
	ID             string // InvoiceID of the subscription and period
	SubscriptionID string
	CustomerID     string
	Plan           string
	Amount         Money
	PeriodStart    Date
	PeriodEnd      Date // the first day that is not covered
	IssuedOn       Date
	DueOn          Date
	Zone           Zone // the customer's when the invoice was issued: moving house does not change what is due when
	State          State
}

// Invoice asks a customer to pay for one period. It is a value: a change of state returns a new one. Invoices are made
// by [Subscription.Bill].
type Invoice struct{ r InvoiceRecord }

// InvoiceID names the invoice of a period. A period has one invoice, so the id follows from it: whoever bills the
// same period again makes the same id.
func InvoiceID(subscription string, periodStart Date) string {
	return subscription + "@" + periodStart.String()
}

// RestoreInvoice rebuilds a stored invoice. It checks what every invoice satisfies, so a damaged row is an error. For
// storage only.
func RestoreInvoice(r InvoiceRecord) (Invoice, error) {
	var bad problems
	bad.check(idPattern.MatchString(r.SubscriptionID), "subscription", r.SubscriptionID, idRule)
	bad.check(idPattern.MatchString(r.CustomerID), "customer", r.CustomerID, idRule)
	bad.check(r.ID == InvoiceID(r.SubscriptionID, r.PeriodStart), "id", r.ID, "must be subscription@period start")
	bad.check(nameOK(r.Plan), "plan", r.Plan, "must be 1 to 200 characters of valid UTF-8")
	bad.check(r.Amount.minor > 0 && r.Amount.currency != Currency{}, "amount", r.Amount, "must be more than zero, with a currency")
	bad.check(!r.PeriodStart.IsZero(), "period start", r.PeriodStart, "must be set")
	bad.check(r.PeriodEnd.After(r.PeriodStart), "period end", r.PeriodEnd, "must be after the period start")
	bad.check(!r.IssuedOn.Before(r.PeriodStart), "issue date", r.IssuedOn, "must not be before the period start")
	bad.check(!r.DueOn.Before(r.IssuedOn), "due date", r.DueOn, "must not be before the issue date")
	bad.check(r.Zone != Zone{}, "zone", r.Zone, "must be set")
	switch r.State {
	case Open, Overdue, Paid, Void:
	default:
		bad.check(false, "state", r.State, "must be open, overdue, paid or void")
	}
	if err := bad.join(fmt.Sprintf("invoice %q", r.ID)); err != nil {
		return Invoice{}, err
	}
	return Invoice{r}, nil
}

// Record is the invoice as it is to be stored.
func (i Invoice) Record() InvoiceRecord { return i.r }

// MarkOverdue returns the invoice as overdue; ok is false, and the invoice unchanged, unless it is open and the customer's
// today is after the due date. The due date itself is the last day to pay, until its end in the customer's zone.
func (i Invoice) MarkOverdue(at time.Time) (overdue Invoice, ok bool) {
	if i.r.State != Open || !i.r.Zone.DateAt(at).After(i.r.DueOn) {
		return i, false
	}
	i.r.State = Overdue
	return i, true
}

// Pay settles an open or overdue invoice. [ErrSettled] if it is paid or void already: a second payment needs a person.
func (i Invoice) Pay() (Invoice, error) { return i.settle("pay", Paid) }

// Void withdraws an open or overdue invoice. [ErrSettled] if it is paid or void already.
func (i Invoice) Void() (Invoice, error) { return i.settle("void", Void) }

func (i Invoice) settle(verb string, to State) (Invoice, error) {
	if i.r.State != Open && i.r.State != Overdue {
		return i, fmt.Errorf("%s invoice %s, which is %s: %w", verb, i.r.ID, i.r.State, ErrSettled)
	}
	i.r.State = to
	return i, nil
}
