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
	Count       int
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
	var (
		out   Considered
		keep  []time.Time // the newest MaxCatchUp of those inside the window
		first time.Time
		total int
	)
	horizon := now.Add(-c.Window())
	for due := s.Next(after); !due.IsZero() && !due.After(now); due = s.Next(due) {
		if total == 0 {
			first = due
		}
		total++
		out.Until = due
		if total > maxWalk && due.Before(horizon) {
			// After years of absence nobody needs the exact count.
			due = horizon.Add(-time.Second)
			continue
		}
		if len(keep) == MaxCatchUp {
			keep = keep[1:]
		}
		keep = append(keep, due)
	}
	if total == 0 {
		return out
	}
	for i, due := range keep {
		latest := i == len(keep)-1
		switch age := now.Sub(due); {
		case age <= prompt, age <= OnTime && (latest || c.mode == allMissed):
			out.Run = append(out.Run, Occurrence{due, TriggerSchedule})
		case due.Before(horizon):
		case c.mode == allMissed, c.mode == latestMissed && latest:
			out.Run = append(out.Run, Occurrence{due, TriggerCatchUp})
		}
	}
	out.Missed = missed(first, total, keep, out.Run)
	return out
}

// maxWalk bounds how many occurrences are counted one by one.
const maxWalk = 1_000_000

// missed describes what lies before the first occurrence that is run; the
// policies only ever give up a row at the beginning.
func missed(first time.Time, total int, keep []time.Time, run []Occurrence) Missed {
	count := total - len(run)
	if count == 0 {
		return Missed{}
	}
	last := keep[len(keep)-1]
	if len(run) > 0 {
		last = first
		for _, due := range keep {
			if due.Before(run[0].Due) {
				last = due
			}
		}
	}
	return Missed{First: first, Last: last, Count: count}
}
