package schedulingtest

import (
	"fmt"
	"slices"
	"time"

	"example.com/baton/platform/scheduling"
)

// Verdict is what a ledger looks like next to the schedule it should have
// followed.
type Verdict struct {
	Due     int      // occurrences that the schedule has in the stretch
	Run     int      // those with a record of a run
	Skipped int      // those recorded as skipped, by themselves or in a row
	Faults  []string // occurrences without a record, records without an occurrence, rows that cover too much
}

// Check holds records, of one job, against the occurrences of s in (from, to]. It
// knows nothing of how a scheduler works. The method is that of Jepsen's checker
// for Chronos: compute the targets, match each with what happened.
func Check(s scheduling.Schedule, from, to time.Time, records []scheduling.Record) Verdict {
	var v Verdict
	covered := map[int64]string{}
	cover := func(due time.Time, by string) {
		if !due.After(from) || due.After(to) {
			v.fault("%s: %s lies outside of the stretch", by, due.Format(time.RFC3339))
			return
		}
		if other, ok := covered[due.Unix()]; ok {
			v.fault("%s: covered by %s and by %s", due.Format(time.RFC3339), other, by)
		}
		covered[due.Unix()] = by
	}
	for _, rec := range records {
		name := fmt.Sprintf("%s %s", rec.State, rec.RunID())
		if rec.State != scheduling.StateSkipped {
			v.Run++
			cover(rec.Due, name)
			continue
		}
		if rec.Count <= 1 {
			v.Skipped++
			cover(rec.Due, name)
			continue
		}
		n := 0
		for due := s.Next(rec.From.Add(-time.Second)); !due.IsZero() && !due.After(rec.Due); due = s.Next(due) {
			cover(due, name)
			n++
		}
		v.Skipped += n
		if n != rec.Count {
			v.fault("%s: says %d occurrences since %s, the schedule has %d", name, rec.Count, rec.From.Format(time.RFC3339), n)
		}
	}
	for due := s.Next(from); !due.IsZero() && !due.After(to); due = s.Next(due) {
		v.Due++
		if _, ok := covered[due.Unix()]; !ok {
			v.fault("%s: no record", due.Format(time.RFC3339))
		}
		delete(covered, due.Unix())
	}
	for unix, by := range covered {
		v.fault("%s: recorded as %s, not due", time.Unix(unix, 0).UTC().Format(time.RFC3339), by)
	}
	slices.Sort(v.Faults)
	return v
}

func (v *Verdict) fault(format string, args ...any) {
	v.Faults = append(v.Faults, fmt.Sprintf(format, args...))
}
