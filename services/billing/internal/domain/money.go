package domain

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

var (
	// ErrOverflow: an amount does not fit into 64 bits of minor units.
	ErrOverflow = errors.New("domain: amount overflows")
	// ErrCurrency: amounts of two currencies were added.
	ErrCurrency = errors.New("domain: currencies differ")
)

// The currencies of ISO 4217 in use in 2026, by the number of digits of their minor unit. Funds, metals and test
// codes are left out: nobody is invoiced in them.
var exponents = func() map[string]int {
	m := map[string]int{}
	for exp, codes := range [...]string{
		0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
		2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP " +
			"CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS " +
			"INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN " +
			"MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE " +
			"SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR " +
			"ZMW ZWG",
		3: "BHD IQD JOD KWD LYD OMR TND",
	} {
		for code := range strings.FieldsSeq(codes) {
			m[code] = exp
		}
	}
	return m
}()

// Currency is an ISO 4217 currency. The zero value is no currency.
type Currency struct{ code string }

// ParseCurrency reads an ISO 4217 code in upper case.
func ParseCurrency(code string) (Currency, error) {
	if _, ok := exponents[code]; !ok {
		return Currency{}, invalid("currency", code, "must be an ISO 4217 code in upper case, as in EUR")
	}
	return Currency{code}, nil
}

// Code is the ISO 4217 code, or "" for the zero value.
func (c Currency) Code() string { return c.code }

// Exponent is the number of decimal digits of the minor unit: JPY 0, EUR 2, BHD 3.
func (c Currency) Exponent() int { return exponents[c.code] }

// Money is an amount of one currency in its minor unit: 1050 is EUR 10.50 and JPY 1050. There are no fractions of a
// minor unit and no floats. Amounts compare with ==.
type Money struct {
	minor    int64
	currency Currency
}

// NewMoney refuses the zero currency.
func NewMoney(minor int64, c Currency) (Money, error) {
	if c == (Currency{}) {
		return Money{}, invalid("currency", "", "must be set")
	}
	return Money{minor, c}, nil
}

// ParseMoney reads what [Money.String] writes: "10.50 EUR", "1050 JPY". The digits after the point are all or none of
// the currency's minor unit, because "10.5 EUR" is as often a typing error as an amount.
func ParseMoney(s string) (Money, error) {
	bad := func(rule string) (Money, error) { return Money{}, invalid("money", s, rule) }

	number, code, ok := strings.Cut(s, " ")
	if !ok {
		return bad(`must be an amount and a currency, as in "10.50 EUR"`)
	}
	c, err := ParseCurrency(code)
	if err != nil {
		return Money{}, fmt.Errorf("money %q: %w", s, err)
	}
	sign := ""
	if rest, ok := strings.CutPrefix(number, "-"); ok {
		sign, number = "-", rest
	}
	whole, fraction, point := strings.Cut(number, ".")
	switch {
	case !digits(whole):
		return bad("must have digits before the point, and no sign but a leading minus")
	case point && (c.Exponent() == 0 || len(fraction) != c.Exponent() || !digits(fraction)):
		return bad(fmt.Sprintf("%s has %d digits after the point", code, c.Exponent()))
	case !point:
		fraction = strings.Repeat("0", c.Exponent())
	}
	minor, err := strconv.ParseInt(sign+whole+fraction, 10, 64)
	if err != nil {
		return Money{}, fmt.Errorf("money %q: %w", s, ErrOverflow)
	}
	return Money{minor, c}, nil
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// Minor is the amount in minor units.
func (m Money) Minor() int64 { return m.minor }

// Currency is the amount's currency.
func (m Money) Currency() Currency { return m.currency }

// Add returns [ErrCurrency] for two currencies and [ErrOverflow] rather than a wrapped sum.
func (m Money) Add(o Money) (Money, error) {
	if m.currency != o.currency {
		return Money{}, fmt.Errorf("%s + %s: %w", m, o, ErrCurrency)
	}
	if (o.minor > 0 && m.minor > math.MaxInt64-o.minor) || (o.minor < 0 && m.minor < math.MinInt64-o.minor) {
		return Money{}, fmt.Errorf("%s + %s: %w", m, o, ErrOverflow)
	}
	return Money{m.minor + o.minor, m.currency}, nil
}

// String is the amount with the currency's decimal digits and its code: "10.50 EUR", "-0.050 BHD", "1050 JPY".
func (m Money) String() string {
	sign, magnitude := "", uint64(m.minor) //nolint:gosec // the sign is put right below
	if m.minor < 0 {
		// Negating as unsigned is right for the smallest int64 too, which has no positive counterpart.
		sign, magnitude = "-", -magnitude
	}
	exp := m.currency.Exponent()
	s := fmt.Sprintf("%0*d", exp+1, magnitude)
	if exp > 0 {
		s = s[:len(s)-exp] + "." + s[len(s)-exp:]
	}
	return sign + s + " " + m.currency.code
}
