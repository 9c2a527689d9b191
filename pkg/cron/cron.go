// Package cron parses cron expressions and computes when they are due.
//
// It is a calendar, not a scheduler: no timer, no goroutine, no clock. An
// expression is evaluated in a time zone, by rules that are stated for the hours
// a clock skips or repeats (Spec.Next).
//
// Invariant: Next is a pure function and strictly increasing, so every process
// that evaluates an expression computes the same instants.
package cron

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Spec is a parsed expression. It is immutable; the zero value is never due.
type Spec struct {
	expr                                  string
	second, minute, hour, dom, month, dow uint64 // bit n: n matches
	anyHour, anyDom, anyDow               bool   // the field begins with a star
}

// Parse reads an expression of five fields (minute, hour, day of month, month,
// day of week), of six with a leading field of seconds, or one of @yearly,
// @annually, @monthly, @weekly, @daily, @midnight and @hourly.
//
// A field is a list of values, ranges and stars, each with an optional step:
// "0", "1-5", "*/10", "8-18/2", "mon,wed,fri". Months and days of the week have
// English three-letter names; Sunday is 0 or 7. When both days are restricted an
// instant is due if either matches, as in every cron since Vixie's.
//
// All problems are reported at once. An expression that can never be due, such
// as the 30th of February, is an error. The time zone is not part of the
// expression: TZ= and CRON_TZ= are refused.
func Parse(expr string) (Spec, error) {
	spec, err := parse(expr)
	if err != nil {
		return Spec{}, fmt.Errorf("cron %q: %w", expr, err)
	}
	return spec, nil
}

// String returns the expression as it was given to Parse.
func (s Spec) String() string { return s.expr }

var macros = map[string]string{
	"@yearly":   "0 0 1 1 *",
	"@annually": "0 0 1 1 *",
	"@monthly":  "0 0 1 * *",
	"@weekly":   "0 0 * * 0",
	"@daily":    "0 0 * * *",
	"@midnight": "0 0 * * *",
	"@hourly":   "0 * * * *",
}

func parse(expr string) (Spec, error) {
	if len(expr) > 512 {
		return Spec{}, errors.New("longer than 512 bytes")
	}
	text := strings.TrimSpace(expr)
	if strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "CRON_TZ=") {
		return Spec{}, errors.New("the time zone is given beside the expression, not in it")
	}
	if strings.HasPrefix(text, "@") {
		expanded, ok := macros[text]
		if !ok {
			return Spec{}, errors.New("unknown name; known are @yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly")
		}
		text = expanded
	}
	parts := strings.Fields(text)
	switch len(parts) {
	case 5:
		parts = append([]string{"0"}, parts...)
	case 6:
	default:
		return Spec{}, fmt.Errorf("%d fields; want 5 (minute hour day month weekday) or 6 (with seconds first)", len(parts))
	}

	spec := Spec{expr: expr}
	var problems []error
	for i, into := range []*uint64{&spec.second, &spec.minute, &spec.hour, &spec.dom, &spec.month, &spec.dow} {
		bits, err := fields[i].parse(parts[i])
		if err != nil {
			problems = append(problems, err)
		}
		*into = bits
	}
	if err := errors.Join(problems...); err != nil {
		return Spec{}, err
	}
	if spec.dow&(1<<7) != 0 { // 7 is another name of Sunday
		spec.dow = spec.dow&^(1<<7) | 1
	}
	spec.anyHour = strings.HasPrefix(parts[2], "*")
	spec.anyDom = strings.HasPrefix(parts[3], "*") || parts[3] == "?"
	spec.anyDow = strings.HasPrefix(parts[5], "*") || parts[5] == "?"
	if _, ok := spec.nextWall(0, maxWall(0)); !ok {
		return Spec{}, errors.New("never due")
	}
	return spec, nil
}

// Next returns the first instant after t, to the second, at which the expression
// is due in loc, in UTC; the zero time if there is none within a century.
//
// Where clocks are set forwards, a time that is skipped is due at the instant
// the clocks change, once, however many of the expression's times are skipped.
// Where they are set back, a time that comes twice is due the first time. That
// is for expressions that name hours: a daily job runs once on every day. An
// expression whose hour field begins with a star follows elapsed time instead:
// "*/10 * * * *" is due every ten minutes, through both changes, with nothing
// added and nothing left out.
func (s Spec) Next(t time.Time, loc *time.Location) time.Time {
	if s.minute == 0 {
		return time.Time{}
	}
	// Within a span of constant offset the clock on the wall is plain
	// arithmetic, so the search goes from one change of the clocks to the next.
	at := t.Unix() + 1
	end := maxWall(at)
	for at < end {
		span := spanAt(at, loc)
		if !s.anyHour && at <= span.start && span.skips() && s.matches(span.start+span.before, span.start+span.offset) {
			return time.Unix(span.start, 0).UTC()
		}
		from := at + span.offset
		if !s.anyHour && span.repeats() {
			from = max(from, span.start+span.before)
		}
		until := min(end, span.end) + span.offset
		if wall, ok := s.nextWall(from, until); ok {
			return time.Unix(wall-span.offset, 0).UTC()
		}
		at = span.end
	}
	return time.Time{}
}

// matches reports whether a wall-clock second in [from, until) matches.
func (s Spec) matches(from, until int64) bool {
	_, ok := s.nextWall(from, until)
	return ok
}

// maxWall bounds a search: 29 February on a given weekday can be 40 years away.
func maxWall(from int64) int64 { return from + 100*366*24*3600 }
