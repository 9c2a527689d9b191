package sqlite

import (
	"errors"

	"example.com/baton/services/billing/internal/domain"
)

// parser turns columns into values of the domain and keeps what was wrong with them.
type parser struct{ errs []error }

func (p *parser) err() error { return errors.Join(p.errs...) }

func keep[T any](p *parser, v T, err error) T {
	if err != nil {
		p.errs = append(p.errs, err)
	}
	return v
}

func (p *parser) date(s string) domain.Date {
	d, err := domain.ParseDate(s)
	return keep(p, d, err)
}

func (p *parser) optionalDate(s string) domain.Date {
	if s == "" {
		return domain.Date{}
	}
	return p.date(s)
}

func (p *parser) zone(s string) domain.Zone {
	z, err := domain.ParseZone(s)
	return keep(p, z, err)
}

func (p *parser) period(s string) domain.Period {
	v, err := domain.ParsePeriod(s)
	return keep(p, v, err)
}

func (p *parser) money(minor int64, currency string) domain.Money {
	c, err := domain.ParseCurrency(currency)
	if err != nil {
		return keep(p, domain.Money{}, err)
	}
	m, err := domain.NewMoney(minor, c)
	return keep(p, m, err)
}
