package scheduling

import (
	"errors"
	"fmt"
	"time"

	"example.com/baton/pkg/cron"
)

// Schedule says when a job is due. Implementations are immutable, safe for
// concurrent use, and pure: every replica computes the same instants.
type Schedule interface {
	// Next returns the first due time after t, in UTC and of whole seconds; the
	// zero time when there is none.
	Next(t time.Time) time.Time
	// Location is the zone in which a due time is a date.
	Location() *time.Location
	// String is the schedule as text, as it appears in traces and in the ledger.
	String() string
	// Validate reports why the schedule can't be used. Constructors don't, so
	// that they can stand in declarations.
	Validate() error
}

// Interval is a schedule that recurs after a fixed time. It is implemented by
// schedules that know how often they are due.
type Interval interface{ Interval() time.Duration }

// InvalidError is one thing wrong with a schedule. What Schedule.Validate returns
// is one of them, or several joined.
type InvalidError struct {
	Field string // every, cron, zone or at: the key that the configuration has for it
	Value string
	Rule  string
}

func (e *InvalidError) Error() string { return fmt.Sprintf("%s %q: %s", e.Field, e.Value, e.Rule) }

// Every returns a schedule that is due at every multiple of d since 1970, UTC:
// Every(5*time.Minute) at :00, :05, :10. Aligned to the clock, and not to the
// start of a process, so that a new leader goes on in step. d is whole seconds.
func Every(d time.Duration) Schedule { return every(d) }

type every time.Duration

func (e every) Next(t time.Time) time.Time {
	d := int64(time.Duration(e) / time.Second)
	if d <= 0 {
		return time.Time{}
	}
	unix := t.Unix()
	periods := unix / d
	if unix%d < 0 {
		periods--
	}
	return time.Unix((periods+1)*d, 0).UTC()
}

func (e every) Interval() time.Duration  { return time.Duration(e) }
func (e every) Location() *time.Location { return time.UTC }
func (e every) String() string           { return "every " + shortDuration(time.Duration(e)) }

func (e every) Validate() error {
	d := time.Duration(e)
	invalid := func(rule string) error { return &InvalidError{Field: "every", Value: d.String(), Rule: rule} }
	switch {
	case d < time.Second:
		return invalid("must be at least 1s")
	case d%time.Second != 0:
		return invalid("must be whole seconds")
	case d > 366*24*time.Hour:
		return invalid("must be at most 8784h (366 days)")
	}
	return nil
}

// Cron returns a schedule from a cron expression in a time zone of the IANA
// database ("Europe/Berlin"; empty means UTC). See package cron for the syntax
// and for what happens in the hours that a clock skips or repeats.
func Cron(expr, zone string) Schedule {
	c := cronSchedule{expr: expr, zone: zone}
	spec, err := cron.Parse(expr)
	location, zoneErr := loadZone(zone)
	c.spec, c.location, c.err = spec, location, errors.Join(invalidCron(expr, err), zoneErr)
	return c
}

type cronSchedule struct {
	expr, zone string
	spec       cron.Spec
	location   *time.Location
	err        error
}

func (c cronSchedule) Next(t time.Time) time.Time {
	if c.err != nil {
		return time.Time{}
	}
	return c.spec.Next(t, c.location)
}

func (c cronSchedule) Location() *time.Location {
	if c.location == nil {
		return time.UTC
	}
	return c.location
}

func (c cronSchedule) String() string {
	if c.zone == "" {
		return c.expr + " UTC"
	}
	return c.expr + " " + c.zone
}

func (c cronSchedule) Validate() error { return c.err }

// invalidCron makes an error of its own of each problem that cron.Parse found.
func invalidCron(expr string, err error) error {
	if err == nil {
		return nil
	}
	rules := []error{err}
	if inner := errors.Unwrap(err); inner != nil {
		rules = []error{inner}
		if joined, ok := inner.(interface{ Unwrap() []error }); ok { //nolint:errorlint // this error, not one it wraps
			rules = joined.Unwrap()
		}
	}
	var problems []error
	for _, rule := range rules {
		problems = append(problems, &InvalidError{Field: "cron", Value: expr, Rule: rule.Error()})
	}
	return errors.Join(problems...)
}

// loadZone refuses the names that mean the zone of the machine: replicas may
// disagree about it.
func loadZone(zone string) (*time.Location, error) {
	if zone == "Local" || zone == "localtime" {
		return nil, &InvalidError{Field: "zone", Value: zone, Rule: "must be a name from the IANA database, the same on every machine"}
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		return nil, &InvalidError{Field: "zone", Value: zone, Rule: "must be a name from the IANA database, such as Europe/Berlin"}
	}
	return location, nil
}

// At returns a schedule that is due once, at t, rounded up to a whole second. Its
// location is that of t; in place of time.Local, about which replicas may
// disagree, it is the offset that t has.
func At(t time.Time) Schedule {
	due := t.Truncate(time.Second)
	if due.Before(t) {
		due = due.Add(time.Second)
	}
	location := t.Location()
	if location == time.Local {
		location = time.FixedZone(t.Zone())
	}
	return at{due.UTC(), location}
}

type at struct {
	due      time.Time
	location *time.Location
}

func (a at) Next(t time.Time) time.Time {
	if t.Before(a.due) {
		return a.due
	}
	return time.Time{}
}

func (a at) Location() *time.Location { return a.location }
func (a at) String() string           { return "at " + a.due.Format(time.RFC3339) }

func (a at) Validate() error {
	if a.due.Year() < 1970 || a.due.Year() > 9999 {
		return &InvalidError{Field: "at", Value: a.due.Format(time.RFC3339), Rule: "must lie between 1970 and 9999"}
	}
	return nil
}

// shortDuration drops the zero units that time.Duration.String keeps: 5m, not
// 5m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	for _, tail := range []string{"m0s", "h0m"} {
		if n := len(text) - len(tail); n > 0 && text[n:] == tail {
			text = text[:n+1]
		}
	}
	return text
}
