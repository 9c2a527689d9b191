package domain

import (
	"cmp"
	"fmt"
	"time"
)

// Date is a calendar date without a time of day or a zone. The zero value is "no date". Dates compare with ==.
//
// Arithmetic does not check the range that [NewDate] and [ParseDate] enforce.
type Date struct {
	year  int
	month time.Month
	day   int
}

// NewDate refuses a day its month does not have, where [time.Date] would roll over, and years outside 1 to 9999,
// whose text would no longer sort by time.
func NewDate(year int, month time.Month, day int) (Date, error) {
	d := dateOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
	if year < 1 || year > 9999 || d != (Date{year, month, day}) {
		return Date{}, invalid("date", Date{year, month, day}.text(), "must be a calendar date in the years 1 to 9999")
	}
	return d, nil
}

// ParseDate reads YYYY-MM-DD and nothing else.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	// Parse accepts the year 0.
	if err != nil || t.Year() < 1 {
		return Date{}, invalid("date", s, "must be a calendar date written YYYY-MM-DD")
	}
	return dateOf(t), nil
}

// LatestDate is the latest date that any zone has at an instant: nowhere are clocks more than 14 hours ahead of UTC.
// A store uses it to preselect what may be due, before the rules decide with each customer's own zone.
func LatestDate(at time.Time) Date { return dateOf(at.In(time.FixedZone("UTC+14", 14*60*60))) }

func dateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

func (d Date) utc() time.Time { return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC) }

// IsZero reports whether d is "no date".
func (d Date) IsZero() bool { return d == Date{} }

// String is YYYY-MM-DD, or "" for the zero value. Within the years 1 to 9999 its order as text is the order in time.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return d.text()
}

func (d Date) text() string { return fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day) }

// AddDays is the date n days later; n may be negative.
func (d Date) AddDays(n int) Date { return dateOf(d.utc().AddDate(0, 0, n)) }

// Compare is negative when d is before o, 0 when they are the same date, positive when d is after o.
func (d Date) Compare(o Date) int {
	return cmp.Or(cmp.Compare(d.year, o.year), cmp.Compare(d.month, o.month), cmp.Compare(d.day, o.day))
}

// Before reports whether d is an earlier date than o.
func (d Date) Before(o Date) bool { return d.Compare(o) < 0 }

// After reports whether d is a later date than o.
func (d Date) After(o Date) bool { return d.Compare(o) > 0 }

// Day is the day of the month, 1 to 31.
func (d Date) Day() int { return d.day }

// BusinessDay reports whether d is a Monday to Friday.
func (d Date) BusinessDay() bool {
	w := d.utc().Weekday()
	return w != time.Saturday && w != time.Sunday
}
