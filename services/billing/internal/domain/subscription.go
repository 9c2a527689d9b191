package domain

import (
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"
)

const (
	maxName = 200 // characters of a customer's or plan's name
	// maxPeriods is more than the months between the first and the last start date and 300 years on.
	maxPeriods = 12 * 500
)

var idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

const idRule = "must be 1 to 64 of a-z, 0-9 and -, not starting with -"

// CustomerParams are the facts of a customer.
type CustomerParams struct {
	ID    string
	Name  string
	Zone  Zone
	Terms int // days from the issue of an invoice until it is due, 0 to 180
}

// Customer is who pays. The zone decides on which day anything happens to them.
type Customer struct{ p CustomerParams }

// NewCustomer refuses facts that break a rule, with all of them named.
func NewCustomer(p CustomerParams) (Customer, error) {
	var bad problems
	bad.check(idPattern.MatchString(p.ID), "id", p.ID, idRule)
	bad.check(nameOK(p.Name), "name", p.Name, "must be 1 to 200 characters of valid UTF-8")
	bad.check(p.Zone != Zone{}, "zone", p.Zone, "must be set")
	bad.check(p.Terms >= 0 && p.Terms <= 180, "payment terms", p.Terms, "must be 0 to 180 days")
	if err := bad.join(fmt.Sprintf("customer %q", p.ID)); err != nil {
		return Customer{}, err
	}
	return Customer{p}, nil
}

func nameOK(s string) bool {
	return s != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxName
}

// Params are the facts c was made from.
func (c Customer) Params() CustomerParams { return c.p }

// SubscriptionParams are the facts of a subscription.
type SubscriptionParams struct {
	ID        string
	Customer  Customer
	Plan      string
	Price     Money // per period, more than zero
	Period    Period
	AnchorDay int  // 1 to 31, see [NewCycle]
	Start     Date // in the years 2000 to 2199
	CancelOn  Date // zero: not cancelled; else no period that starts on this date or later is billed
}

// Subscription is a customer's plan, and how far it has been invoiced. It is a value: billing returns a new one.
type Subscription struct {
	p     SubscriptionParams
	cycle Cycle
	next  int // the first period that has not been invoiced
}

// NewSubscription makes a subscription of which nothing has been invoiced yet.
func NewSubscription(p SubscriptionParams) (Subscription, error) { return RestoreSubscription(p, 0) }

// RestoreSubscription rebuilds a stored subscription whose periods before next have been invoiced. It checks the same
// rules as [NewSubscription], so a damaged row is an error and not an invoice. For storage and imports only: it can
// skip periods.
func RestoreSubscription(p SubscriptionParams, next int) (Subscription, error) {
	var bad problems
	bad.check(idPattern.MatchString(p.ID), "id", p.ID, idRule)
	bad.check(p.Customer != Customer{}, "customer", "", "must be set")
	bad.check(nameOK(p.Plan), "plan", p.Plan, "must be 1 to 200 characters of valid UTF-8")
	bad.check(p.Price.minor > 0 && p.Price.currency != Currency{}, "price", p.Price, "must be more than zero, with a currency")
	bad.check(p.CancelOn.IsZero() || !p.CancelOn.Before(p.Start), "cancellation date", p.CancelOn, "must not be before the start date "+p.Start.String())
	bad.check(next >= 0 && next <= maxPeriods, "next period", next, "must be 0 to 6000")
	cycle, err := NewCycle(p.Period, p.AnchorDay, p.Start)
	bad.add(err)
	if err := bad.join(fmt.Sprintf("subscription %q", p.ID)); err != nil {
		return Subscription{}, err
	}
	return Subscription{p: p, cycle: cycle, next: next}, nil
}

// Params are the facts s was made from.
func (s Subscription) Params() SubscriptionParams { return s.p }

// NextPeriod is the number of the first period that has not been invoiced.
func (s Subscription) NextPeriod() int { return s.next }

// NextStart is the date the next period to invoice starts; ok is false when a cancellation means there is none.
func (s Subscription) NextStart() (d Date, ok bool) {
	d = s.cycle.Start(s.next)
	return d, s.p.CancelOn.IsZero() || d.Before(s.p.CancelOn)
}

// Bill invoices every period that is due at an instant, oldest first, and returns the subscription as it is after
// that. Most often there is none or one; more after an outage or for a subscription that was entered late.
//
// Nothing is billed while the customer's today is a Saturday or Sunday. The issue date is the customer's today, even
// if the period began long before: payment terms must not run while nobody had the invoice.
//
// The result depends on the subscription and the instant alone, so billing each missed instant in order gives the
// invoices that billing on time would have given, and billing only the last of them gives the same periods.
func (s Subscription) Bill(at time.Time) ([]Invoice, Subscription) {
	today := s.p.Customer.p.Zone.DateAt(at)
	if !today.BusinessDay() {
		return nil, s
	}
	var invoices []Invoice
	for s.next < maxPeriods {
		start, ok := s.NextStart()
		if !ok || start.After(today) {
			break
		}
		invoices = append(invoices, s.invoice(today))
		s.next++
	}
	return invoices, s
}

func (s Subscription) invoice(today Date) Invoice {
	start := s.cycle.Start(s.next)
	return Invoice{InvoiceRecord{
		ID:             InvoiceID(s.p.ID, start),
		SubscriptionID: s.p.ID,
		CustomerID:     s.p.Customer.p.ID,
		Plan:           s.p.Plan,
		Amount:         s.p.Price,
		PeriodStart:    start,
		PeriodEnd:      s.cycle.Start(s.next + 1),
		IssuedOn:       today,
		DueOn:          today.AddDays(s.p.Customer.p.Terms),
		Zone:           s.p.Customer.p.Zone,
		State:          Open,
	}}
}
