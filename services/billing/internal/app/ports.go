// Package app holds the use cases of billing and their ports. The driving ports, one per job, are what a scheduler
// calls; the driven ports are what the use cases need from storage. It is neither: it knows no SQL, no job names and no
// schedules. Its invariant: a use case that is stopped, repeated or run twice at once leaves what one whole run leaves.
package app

import (
	"context"
	"time"

	"example.com/baton/services/billing/internal/domain"
)

//go:generate env GOWORK=off go -C ../../../../tools/deps tool mockgen -source=../../services/billing/internal/app/ports.go -destination=../../services/billing/internal/app/mocks/ports.go -package=mocks

// OverdueCloser is the driving port of the job close_overdue.
type OverdueCloser interface {
	// CloseOverdue marks every open invoice whose due date has passed for its customer.
	CloseOverdue(ctx context.Context) error
}

// InvoiceIssuer is the driving port of the job issue_invoices.
type InvoiceIssuer interface {
	// IssueInvoices invoices every period that is due at day, an instant: which date that is depends on the customer.
	// Periods that an earlier call left out are included; periods that have an invoice are not touched.
	IssueInvoices(ctx context.Context, day time.Time) error
}

// Subscriptions lists what may have to be invoiced.
type Subscriptions interface {
	// DueBy returns the subscriptions whose next period starts on day or before, in order of id, at most limit of them
	// with an id above after.
	DueBy(ctx context.Context, day domain.Date, after string, limit int) (SubscriptionPage, error)
}

// SubscriptionPage is one page of a listing.
type SubscriptionPage struct {
	Subscriptions []domain.Subscription
	Next          string // the id to go on after; empty on the last page
	// Unreadable are the stored rows that break a rule of the domain, joined; they are missing from Subscriptions. They
	// are not the error of the call, so that one damaged row does not keep everybody else from being invoiced.
	Unreadable error
}

// InvoiceBook stores new invoices.
type InvoiceBook interface {
	// Issue stores invoices, and how far each of the subscriptions has been invoiced, all or nothing. An invoice whose
	// subscription and period already have one is left out; how far a subscription has been invoiced never goes back. So
	// two callers with the same batch store it once. It returns the invoices that were new.
	Issue(ctx context.Context, billed []domain.Subscription, invoices []domain.Invoice) (stored []domain.Invoice, err error)
}

// OpenInvoices lists and closes invoices nobody has paid.
type OpenInvoices interface {
	// OpenDueBefore returns the open invoices with a due date before day, in order of id, at most limit of them with an id
	// above after.
	OpenDueBefore(ctx context.Context, day domain.Date, after string, limit int) (InvoicePage, error)
	// MarkOverdue stores that invoices are overdue, all or nothing. One that is not open any more is left as it is: it was
	// paid, voided or closed by somebody else since it was listed. It returns how many changed.
	MarkOverdue(ctx context.Context, overdue []domain.Invoice) (changed int, err error)
}

// InvoicePage is one page of a listing.
type InvoicePage struct {
	Invoices   []domain.Invoice
	Next       string // the id to go on after; empty on the last page
	Unreadable error  // as in SubscriptionPage
}

// Clock tells the time. A use case asks it once per call, so that one call has one "now".
type Clock func() time.Time

// batch is how many rows a use case reads and writes at a time. It bounds memory, the time other writers wait for a
// transaction, and the work lost when the run is cancelled.
const batch = 500
