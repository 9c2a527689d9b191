package scheduling

import "time"

// OnTime is how late a run may start and still count as scheduled, provided that
// no later occurrence is due; otherwise it is missed, and the catch-up policy
// decides.
const OnTime = 30 * time.Second

// prompt is how late a timer on a busy machine may be. What came due within it
// is not missed even if a later occurrence is due too, so that a job of every
// second loses nothing to a hiccup.
const prompt = 2 * time.Second

// Occurrence is a due time with the reason to run it.
type Occurrence struct {
	Due     time.Time
	Trigger Trigger
}

// Missed is a row of occurrences that the catch-up policy gives up.
type Missed struct {
	First, Last time.Time
	// Count is exact up to 100,000. Beyond that it still is for an Interval; for
	// any other schedule it is an estimate.
	Count int
}

// Considered is what a leader has to do about the occurrences of a job that came
// due in a stretch of time.
type Considered struct {
	Run    []Occurrence // in order
	Missed Missed       // Count is 0 when there are none
	Until  time.Time    // the last due time considered; the zero time when none was due
}

// Consider applies the catch-up policy to the occurrences of s in (after, now].
// It is pure: the decision depends on its arguments alone.
func (c CatchUp) Consider(s Schedule, after, now time.Time) Considered {
	b := look(s, after, now)
	if b.total == 0 {
		return Considered{}
	}
	latest := b.newest[len(b.newest)-1]
	horizon := now.Add(-c.Window())
	// The policies only ever give up a row at the beginning.
	given := 0
	for _, due := range b.newest {
		if c.trigger(now.Sub(due), due.Equal(latest), due.Before(horizon)) != "" {
			break
		}
		given++
	}
	out := Considered{Until: latest}
	for _, due := range b.newest[given:] {
		out.Run = append(out.Run, Occurrence{due, c.trigger(now.Sub(due), due.Equal(latest), due.Before(horizon))})
	}
	if count := b.total - len(out.Run); count > 0 {
		last := b.older
		if given > 0 {
			last = b.newest[given-1]
		}
		out.Missed = Missed{First: b.first, Last: last, Count: count}
	}
	return out
}

// trigger says why an occurrence of that age is run; it is empty when it is not.
func (c CatchUp) trigger(age time.Duration, latest, outside bool) Trigger {
	switch {
	case age <= prompt, age <= OnTime && (latest || c.mode == allMissed):
		return TriggerSchedule
	case outside:
		return ""
	case c.mode == allMissed, c.mode == latestMissed && latest:
		return TriggerCatchUp
	default:
		return ""
	}
}

// backlog is what came due in a stretch of time.
type backlog struct {
	total  int
	first  time.Time
	older  time.Time   // the one before newest; the zero time when there is none
	newest []time.Time // up to MaxCatchUp, in order
}

// maxWalk bounds how many occurrences are counted one by one: a day of seconds.
const maxWalk = 100_000

// look walks through the occurrences of s in (after, now]. In a stretch with very
// many of them it leaps over the middle.
func look(s Schedule, after, now time.Time) backlog {
	var b backlog
	for due := s.Next(after); !due.IsZero() && !due.After(now); due = s.Next(due) {
		if b.total == 0 {
			b.first = due
		}
		b.total++
		if len(b.newest) == MaxCatchUp {
			b.older, b.newest = b.newest[0], b.newest[1:]
		}
		b.newest = append(b.newest, due)
		if b.total == maxWalk {
			to := leap(s, due, now)
			b.total += between(s, due, to)
			due = to
		}
	}
	return b
}

// leap returns an instant from which more than MaxCatchUp occurrences lie ahead,
// but not many more; due itself where there is none.
func leap(s Schedule, due, now time.Time) time.Time {
	from, to := due, now
	for to.Sub(from) > time.Minute {
		middle := from.Add(to.Sub(from) / 2)
		if count(s, middle, now, MaxCatchUp+1) > MaxCatchUp {
			from = middle
		} else {
			to = middle
		}
	}
	return from
}

// count returns how many occurrences lie in (from, to], at most limit.
func count(s Schedule, from, to time.Time, limit int) int {
	n := 0
	for due := s.Next(from); n < limit && !due.IsZero() && !due.After(to); due = s.Next(due) {
		n++
	}
	return n
}

// between returns how many occurrences lie in (due, to]; due is one itself. Where
// that takes counting it counts samples: after years of absence nobody needs the
// exact number.
func between(s Schedule, due, to time.Time) int {
	if i, ok := s.(Interval); ok {
		return int((to.Unix() - due.Unix()) / int64(i.Interval()/time.Second))
	}
	const (
		samples = 500
		length  = 10 * time.Minute
	)
	step := to.Sub(due) / samples
	if step <= length {
		return count(s, due, to, samples*int(length/time.Second))
	}
	n, place := 0, 0.0
	for i := range samples {
		// At another place in every step, or a sample of a regular schedule would
		// always hit the same minutes.
		place += 0.6180339887
		place -= float64(int(place))
		from := due.Add(time.Duration(i)*step + time.Duration(place*float64(step-length)))
		n += count(s, from, from.Add(length), int(length/time.Second))
	}
	return int(float64(n) * float64(step) / float64(length))
}
