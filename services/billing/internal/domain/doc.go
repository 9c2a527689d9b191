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

import (
	"errors"
	"fmt"
)

// InvalidError says which field of which value broke which rule.
type InvalidError struct {
	Field string // "anchor day"
	Value string // as given
	Rule  string // "must be 1 to 31"
}

func (e *InvalidError) Error() string { return fmt.Sprintf("%s %q: %s", e.Field, e.Value, e.Rule) }

func invalid(field string, value any, rule string) error {
	return &InvalidError{Field: field, Value: fmt.Sprint(value), Rule: rule}
}

// problems collects every broken rule, so that a caller sees all of them at once.
type problems []error

func (p *problems) check(ok bool, field string, value any, rule string) {
	if !ok {
		*p = append(*p, invalid(field, value, rule))
	}
}

func (p *problems) add(err error) {
	if err != nil {
		*p = append(*p, err)
	}
}

func (p problems) join(what string) error {
	if len(p) == 0 {
		return nil
	}
	return fmt.Errorf("%s: %w", what, errors.Join(p...))
}
