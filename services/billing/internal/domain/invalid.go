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
