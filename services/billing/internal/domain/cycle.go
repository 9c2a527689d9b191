package domain

import (
	"strconv"
	"time"
)

// Period is how long one billing period is, in months. The zero value is no period.
type Period int

// The periods a subscription can be billed by.
const (
	Monthly   Period = 1
	Quarterly Period = 3
	Yearly    Period = 12
)

// ParsePeriod reads what [Period.String] writes.
func ParsePeriod(s string) (Period, error) {
	for _, p := range []Period{Monthly, Quarterly, Yearly} {
		if p.String() == s {
			return p, nil
		}
	}
	return 0, invalid("period", s, "must be monthly, quarterly or yearly")
}

func (p Period) String() string {
	switch p {
	case Monthly:
		return "monthly"
	case Quarterly:
		return "quarterly"
	case Yearly:
		return "yearly"
	}
	return "Period(" + strconv.Itoa(int(p)) + ")"
}

// Cycle is the endless row of periods of a subscription, numbered from 0. Period n runs from Start(n) until the day
// before Start(n+1).
//
// Each start is computed from the anchor day, never from the start before it: with anchor 31, 31 January is followed
// by 28 February and then 31 March. Adding a month to the previous start would stay on the 28th for ever.
type Cycle struct {
	period Period
	anchor int
	month0 int // months from the year 0 to the month of period 0
}

// Bounds of a subscription's start date. They catch typing errors, and they bound how many periods can be due.
var (
	firstStart = Date{2000, time.January, 1}
	lastStart  = Date{2199, time.December, 31}
)

// NewCycle makes the cycle whose period 0 starts on the first anchor day on or after start. In a month that is shorter
// than the anchor, the anchor day is the month's last. The days between start and period 0 are not billed.
func NewCycle(period Period, anchorDay int, start Date) (Cycle, error) {
	var p problems
	p.check(period == Monthly || period == Quarterly || period == Yearly, "period", period, "must be monthly, quarterly or yearly")
	p.check(anchorDay >= 1 && anchorDay <= 31, "anchor day", anchorDay, "must be 1 to 31")
	p.check(!start.Before(firstStart) && !start.After(lastStart), "start date", start, "must be in the years 2000 to 2199")
	if err := p.join("billing cycle"); err != nil {
		return Cycle{}, err
	}
	c := Cycle{period: period, anchor: anchorDay, month0: start.year*12 + int(start.month) - 1}
	if c.Start(0).Before(start) {
		c.month0++
	}
	return c, nil
}

// Start is the date on which period n starts; n is 0 or more.
func (c Cycle) Start(n int) Date {
	months := c.month0 + n*int(c.period)
	year, month := months/12, time.Month(months%12+1)
	return Date{year, month, min(c.anchor, daysIn(year, month))}
}

func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}
