package domain

import (
	"math"
	"math/big"
	"strings"
	"testing"
	"testing/quick"

	"github.com/stretchr/testify/require"
)

func money(t testing.TB, s string) Money {
	t.Helper()
	m, err := ParseMoney(s)
	require.NoError(t, err)
	return m
}

func TestCurrencyTable(t *testing.T) {
	t.Parallel()
	byExponent := map[int]int{}
	for code, exp := range exponents {
		require.Regexp(t, `^[A-Z]{3}$`, code)
		byExponent[exp]++
	}
	require.Equal(t, map[int]int{0: 16, 2: 132, 3: 7}, byExponent, "a code is missing or listed twice")
	for code, want := range map[string]int{"JPY": 0, "KRW": 0, "EUR": 2, "USD": 2, "ISK": 0, "BHD": 3, "TND": 3} {
		c, err := ParseCurrency(code)
		require.NoError(t, err)
		require.Equal(t, want, c.Exponent(), code)
	}
}

func TestMoneyText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		minor int64
		code  string
		want  string
	}{
		{1050, "EUR", "10.50 EUR"},
		{1050, "JPY", "1050 JPY"},
		{1050, "BHD", "1.050 BHD"},
		{5, "EUR", "0.05 EUR"},
		{-5, "BHD", "-0.005 BHD"},
		{0, "JPY", "0 JPY"},
		{0, "USD", "0.00 USD"},
		{math.MaxInt64, "EUR", "92233720368547758.07 EUR"},
		{math.MinInt64, "EUR", "-92233720368547758.08 EUR"},
		{math.MinInt64, "JPY", "-9223372036854775808 JPY"},
	} {
		cur, err := ParseCurrency(c.code)
		require.NoError(t, err)
		m, err := NewMoney(c.minor, cur)
		require.NoError(t, err)
		require.Equal(t, c.want, m.String())
		require.Equal(t, m, money(t, c.want))
	}
	require.Equal(t, "12.00 EUR", money(t, "12 EUR").String(), "no digits after the point stand for zeros")
}

func TestParseMoneyRefuses(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"":                          "must be an amount and a currency",
		"10.50":                     "must be an amount and a currency",
		"10.5 EUR":                  "EUR has 2 digits after the point",
		"10.505 EUR":                "EUR has 2 digits after the point",
		"10. EUR":                   "EUR has 2 digits after the point",
		"10.0 JPY":                  "JPY has 0 digits after the point",
		"10. JPY":                   "JPY has 0 digits after the point",
		".50 EUR":                   "digits before the point",
		"+1.00 EUR":                 "no sign but a leading minus",
		"--1.00 EUR":                "no sign but a leading minus",
		"1,000 JPY":                 "digits before the point",
		"1e3 JPY":                   "digits before the point",
		"١ JPY":                     "digits before the point",
		"1.-5 EUR":                  "EUR has 2 digits",
		"10.50 eur":                 `currency "eur": must be an ISO 4217 code`,
		"10.50  EUR":                `currency " EUR"`,
		"10.50 EURO":                `currency "EURO"`,
		"92233720368547758.08 EUR":  ErrOverflow.Error(),
		"-92233720368547758.09 EUR": ErrOverflow.Error(),
	} {
		_, err := ParseMoney(s)
		require.ErrorContains(t, err, want, "%q", s)
	}
	_, err := NewMoney(1, Currency{})
	require.EqualError(t, err, `currency "": must be set`)
}

func TestAddMatchesBigIntegersOrRefuses(t *testing.T) {
	t.Parallel()
	eur := money(t, "0 EUR").Currency()
	sum := func(a, b int64) bool {
		got, err := Money{a, eur}.Add(Money{b, eur})
		want := new(big.Int).Add(big.NewInt(a), big.NewInt(b))
		if !want.IsInt64() {
			return err != nil && got == Money{}
		}
		return err == nil && got == Money{want.Int64(), eur}
	}
	// Random int64 pairs overflow a quarter of the time; the edges are pinned too.
	require.NoError(t, quick.Check(sum, &quick.Config{MaxCount: 5000}))
	edges := []int64{math.MinInt64, math.MinInt64 + 1, -1, 0, 1, math.MaxInt64 - 1, math.MaxInt64}
	for _, a := range edges {
		for _, b := range edges {
			require.True(t, sum(a, b), "%d + %d", a, b)
		}
	}
	_, err := Money{math.MaxInt64, eur}.Add(Money{1, eur})
	require.ErrorIs(t, err, ErrOverflow)
	_, err = money(t, "1 EUR").Add(money(t, "1 USD"))
	require.ErrorIs(t, err, ErrCurrency)
}

func FuzzParseMoney(f *testing.F) {
	for _, s := range []string{"10.50 EUR", "-0.005 BHD", "1050 JPY", "92233720368547758.07 EUR", "1 EUR", "-0 JPY", ". EUR", "1.5 USD"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMoney(s)
		if err != nil {
			require.Equal(t, Money{}, m)
			return
		}
		text := m.String()
		again, err := ParseMoney(text)
		require.NoError(t, err)
		require.Equal(t, m, again, "%q read as %q", s, text)
		_, fraction, _ := strings.Cut(strings.TrimSuffix(text, " "+m.Currency().Code()), ".")
		require.Len(t, fraction, m.Currency().Exponent())
	})
}

func FuzzParseCurrency(f *testing.F) {
	for _, s := range []string{"EUR", "eur", "", "XXX", "EURO"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCurrency(s)
		require.Equal(t, err == nil, c.Code() == s && s != "")
	})
}
