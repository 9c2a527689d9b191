package cron

import (
	"math/bits"
	"time"
)

const daySeconds = 24 * 3600

// nextWall returns the first matching second in [from, until) of a clock that is
// never set. Seconds are counted as Unix time counts them in UTC.
func (s Spec) nextWall(from, until int64) (int64, bool) {
	for day := floorDiv(from, daySeconds); day*daySeconds < until; {
		date := time.Unix(day*daySeconds, 0).UTC()
		if s.month&(1<<date.Month()) == 0 {
			day = firstOfNextMonth(date)
			continue
		}
		if s.day(date) {
			if second, ok := s.timeOfDay(max(0, from-day*daySeconds)); ok {
				at := day*daySeconds + second
				return at, at < until
			}
		}
		day++
	}
	return 0, false
}

func (s Spec) day(date time.Time) bool {
	dom := s.dom&(1<<date.Day()) != 0
	dow := s.dow&(1<<date.Weekday()) != 0
	if s.anyDom || s.anyDow {
		return dom && dow
	}
	return dom || dow
}

// timeOfDay returns the first matching second of a day at or after from.
func (s Spec) timeOfDay(from int64) (int64, bool) {
	h, m, sec := int(from/3600), int(from/60%60), int(from%60)
	for hour := next(s.hour, h); hour < 64; hour = next(s.hour, hour+1) {
		if hour > h {
			m, sec = 0, 0
		}
		for minute := next(s.minute, m); minute < 64; minute = next(s.minute, minute+1) {
			if minute > m {
				sec = 0
			}
			if second := next(s.second, sec); second < 64 {
				return int64(hour*3600 + minute*60 + second), true
			}
		}
	}
	return 0, false
}

// next returns the lowest set bit at or above from, 64 if there is none.
func next(set uint64, from int) int {
	if from > 63 {
		return 64
	}
	return bits.TrailingZeros64(set &^ (1<<from - 1))
}

func firstOfNextMonth(date time.Time) int64 {
	return time.Date(date.Year(), date.Month()+1, 1, 0, 0, 0, 0, time.UTC).Unix() / daySeconds
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// span is a stretch of time in which a zone's offset does not change, in Unix
// seconds.
type span struct {
	start, end     int64
	offset, before int64 // seconds east of UTC, and those of the span before
}

const forever = 1 << 60

func spanAt(at int64, loc *time.Location) span {
	t := time.Unix(at, 0).In(loc)
	start, end := t.ZoneBounds()
	_, offset := t.Zone()
	s := span{start: -forever, end: forever, offset: int64(offset), before: int64(offset)}
	if !start.IsZero() {
		s.start = start.Unix()
		_, before := start.Add(-time.Second).Zone()
		s.before = int64(before)
	}
	if !end.IsZero() {
		s.end = end.Unix()
	}
	return s
}

func (s span) skips() bool   { return s.offset > s.before }
func (s span) repeats() bool { return s.offset < s.before }
