// Package domain holds the billing rules: what a subscription's periods are, when each is invoiced and when an
// invoice is overdue. It is not a store and not a scheduler; it knows neither SQL nor jobs, and it never asks the
// clock: every rule that depends on time takes an instant.
//
// # Days
//
// A date here is a calendar date in the customer's zone. Rules turn an instant into a date, never a date into an
// instant, because only the first is always possible: a clock change can remove the midnight a day would begin at,
// or a whole day. So at an instant, every customer has exactly one "today":
//
//   - a period is due once the customer's today is its start date or later, and is invoiced on the first such day
//     that is a business day (Monday to Friday; public holidays are not known here);
//   - an invoice is overdue once the customer's today is after its due date.
//
// "On or after" rather than "on" is what makes the rules safe to run late, twice, or not at all for some days: two
// daily runs can see a customer's date jump by two days around a clock change, and no period is lost by it.
//
// # Invariant
//
// A value of an exported type with unexported fields is valid or the zero value. Constructors refuse anything else
// with one or more [InvalidError]; the Restore functions are for storage and check the same rules.
package domain
