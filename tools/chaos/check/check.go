// Package check reads what the replicas of a fleet wrote about their terms and
// runs, as one history, and says which promises it breaks.
//
// It knows nothing of how an election or a scheduler works, and has no I/O: its
// input are log records with times of one clock, and what was done to the
// processes. It judges starts, not effects: what a job did between its start and
// its end, only a fencing token can guard.
//
// Invariant: a record that is missing can hide harm of its own process, but not
// that of another one.
package check

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"example.com/baton/tools/internal/fleet"
)

// ProofEnded is the message with which a replica says how long it could prove its
// leadership: last is when it still could, until when it could not any more.
const ProofEnded = "proof ended"

// slack is what may lie between the last look at a proof and the record of what
// was started on it. It does not excuse a start after a successor's.
const slack = 10 * time.Millisecond

// History is what happened.
type History struct {
	// Records are those of all processes, in any order. Source names the process,
	// so a restarted one has another Source than before, under the same instance.
	Records []fleet.Record
	// Killed says when a process was killed.
	Killed map[string]time.Time
	// Frozen are the stretches in which a process did not run.
	Frozen []Frozen
	// Due are the run ids that had to start.
	Due []string
	// From and To bound the search for time without a leader.
	From, To time.Time
}

// Frozen is a stretch in which a process did not run.
type Frozen struct {
	Source   string
	From, To time.Time
}

// Report is the verdict on a history.
type Report struct {
	Terms      int
	Changes    int           // terms that followed another one of their group
	Overlap    time.Duration // of any two terms of a group; negative: the smallest gap; meaningless without changes
	Overlaps   []string      // one line for each overlap
	Stale      []string      // runs that a leader started after its successor's term had begun
	Duplicates []string      // attempts that started twice
	Missing    []string      // run ids in Due that never started
	Broken     []string      // runs outside of their term, tokens that did not grow, records that can't be read
	Repeats    int           // second and later attempts, which at-least-once allows
	Leaderless time.Duration // longest time without a leader, of any group, between From and To
}

// term is one term as its process saw it.
type term struct {
	source, group string
	token         int64
	from, to      time.Time
	open          bool // no end is known
}

type checker struct {
	History
	report Report
	terms  map[string][]*term // by group, in order of tokens
}

// Check judges h.
func Check(h History) Report {
	c := &checker{History: h, terms: map[string][]*term{}}
	c.Records = slices.Clone(h.Records)
	slices.SortStableFunc(c.Records, func(a, b fleet.Record) int { return a.Time.Compare(b.Time) })
	c.collectTerms()
	c.overlaps()
	c.runs()
	c.leaderless()
	return c.report
}

func (c *checker) collectTerms() {
	for _, r := range c.Records {
		switch r.Msg {
		case fleet.TermStarted:
			token, ok := number(r, "token")
			if !ok {
				c.say(&c.report.Broken, "no token", r)
				continue
			}
			c.report.Terms++
			group := r.Get("group")
			if other := c.find(group, token); other != nil {
				c.say(&c.report.Broken, "token used twice", r)
			}
			c.terms[group] = append(c.terms[group], &term{source: r.Source, group: group, token: token, from: r.Time, open: true})
		case fleet.TermEnded, ProofEnded:
			c.end(r)
		}
	}
	for group, terms := range c.terms {
		for i := 1; i < len(terms); i++ {
			if terms[i].token <= terms[i-1].token {
				c.report.Broken = append(c.report.Broken, fmt.Sprintf("group %s: token %d began after %d", group, terms[i].token, terms[i-1].token))
			}
		}
		slices.SortStableFunc(terms, func(a, b *term) int { return cmp.Compare(a.token, b.token) })
		for _, t := range terms {
			c.endOfProcess(t)
		}
	}
}

// end closes a term at the moment up to which its process could have acted on it.
func (c *checker) end(r fleet.Record) {
	token, _ := number(r, "token")
	t := c.find(r.Get("group"), token)
	if t == nil || t.source != r.Source {
		if r.Msg == fleet.TermEnded {
			c.say(&c.report.Broken, "ended without a beginning", r)
		}
		return
	}
	at := r.Time
	if r.Msg == ProofEnded {
		last, err1 := time.Parse(time.RFC3339Nano, r.Get("last"))
		until, err2 := time.Parse(time.RFC3339Nano, r.Get("until"))
		if err1 != nil || err2 != nil {
			c.say(&c.report.Broken, "can't be read", r)
			return
		}
		at = until
		for _, f := range c.Frozen {
			// It found out right after it was woken: it could not act while frozen.
			if f.Source == r.Source && f.From.Before(until) && f.To.After(last) {
				at = last
			}
		}
	}
	if t.open || at.Before(t.to) {
		t.to, t.open = at, false
	}
}

// endOfProcess closes a term that ended with its process.
func (c *checker) endOfProcess(t *term) {
	killed, ok := c.Killed[t.source]
	if !ok || !t.open {
		return
	}
	t.to, t.open = killed, false
	for _, r := range c.Records {
		if r.Source == t.source && r.Time.After(t.to) {
			t.to = r.Time // it lived a little longer than whoever killed it thought
		}
	}
}

func (c *checker) overlaps() {
	first := true
	for group, terms := range c.terms {
		c.report.Changes += len(terms) - 1
		for i, a := range terms {
			for _, b := range terms[i+1:] {
				overlap := a.end(c.To).Sub(b.from)
				if first || overlap > c.report.Overlap {
					c.report.Overlap, first = overlap, false
				}
				if overlap > 0 {
					c.report.Overlaps = append(c.report.Overlaps, fmt.Sprintf(
						"group %s: %s led with token %d until %s, %s with token %d from %s on", group,
						a.source, a.token, clock(a.end(c.To)), b.source, b.token, clock(b.from)))
				}
			}
		}
	}
}

// end returns the end of a term; one without any lasts to the end of the history.
func (t *term) end(history time.Time) time.Time {
	if t.open {
		return history
	}
	return t.to
}

func (c *checker) runs() {
	started := map[string]bool{}
	attempts := map[string]bool{}
	for _, r := range c.Records {
		if r.Msg != fleet.RunStarted {
			continue
		}
		id, group := r.Get("run_id"), r.Get("group")
		token, _ := number(r, "token")
		started[id] = true
		attempt := id + " " + r.Get("attempt")
		if attempts[attempt] {
			c.say(&c.report.Duplicates, "started twice", r)
		}
		attempts[attempt] = true
		if n, _ := number(r, "attempt"); n > 1 {
			c.report.Repeats++
		}
		switch own := c.find(group, token); {
		case own == nil || own.source != r.Source || own.from.After(r.Time):
			c.say(&c.report.Broken, "started without a term", r)
		case !own.open && r.Time.After(own.to.Add(slack)):
			c.say(&c.report.Broken, "started although its term had ended at "+clock(own.to), r)
		}
		for _, t := range c.terms[group] {
			if t.token > token && t.from.Before(r.Time) {
				c.say(&c.report.Stale, fmt.Sprintf("started after token %d began at %s", t.token, clock(t.from)), r)
				break
			}
		}
	}
	for _, id := range c.Due {
		if !started[id] {
			c.report.Missing = append(c.report.Missing, id)
		}
	}
}

// leaderless sweeps the terms of each group from left to right.
func (c *checker) leaderless() {
	for _, terms := range c.terms {
		covered := c.From
		byStart := slices.SortedFunc(slices.Values(terms), func(a, b *term) int { return a.from.Compare(b.from) })
		for _, t := range byStart {
			if t.from.After(c.To) {
				break
			}
			c.gap(covered, t.from)
			if end := t.end(c.To); end.After(covered) {
				covered = end
			}
		}
		c.gap(covered, c.To)
	}
}

func (c *checker) gap(from, to time.Time) {
	c.report.Leaderless = max(c.report.Leaderless, to.Sub(from))
}

func (c *checker) find(group string, token int64) *term {
	for _, t := range c.terms[group] {
		if t.token == token {
			return t
		}
	}
	return nil
}

func (c *checker) say(to *[]string, what string, r fleet.Record) {
	*to = append(*to, fmt.Sprintf("%s: %s: %s", r.Source, what, r.Line))
}

func number(r fleet.Record, key string) (int64, bool) {
	n, err := strconv.ParseInt(r.Get(key), 10, 64)
	return n, err == nil
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05.000000") }
