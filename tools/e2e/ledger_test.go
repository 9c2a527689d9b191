package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"example.com/baton/tools/internal/fleet"
)

// check reads the logs of all replicas as one history and returns every broken promise in it:
// an attempt that started twice, a term that overlaps the next one of its group, a token that did
// not grow, a run outside its term.
//
// crashed says whether a term that has no end in the log ended with its process: such a term is
// taken to have ended before the next one began.
func check(records []fleet.Record, crashed func(token string) bool) []string {
	records = slices.Clone(records)
	slices.SortStableFunc(records, func(a, b fleet.Record) int { return a.Time.Compare(b.Time) })
	c := checker{crashed: crashed, attempts: map[string]fleet.Record{}, terms: map[string]*term{}, last: map[string]*term{}}
	for _, r := range records {
		switch r.Msg {
		case fleet.TermStarted:
			c.termStarted(r)
		case fleet.TermEnded:
			c.termEnded(r)
		case fleet.RunStarted:
			c.runStarted(r)
		}
	}
	return c.broken
}

type term struct {
	instance, group, token string
	ended                  bool
	endedAt                time.Time
}

type checker struct {
	crashed  func(token string) bool
	attempts map[string]fleet.Record
	terms    map[string]*term // by group and token
	last     map[string]*term // by group
	broken   []string
}

func (c *checker) say(format string, args ...any) {
	c.broken = append(c.broken, fmt.Sprintf(format, args...))
}

// termStarted sees the records in the order of the moments the replicas wrote down: the order in
// which their lines were read proves nothing.
func (c *checker) termStarted(r fleet.Record) {
	now := &term{instance: r.Get("instance"), group: r.Get("group"), token: r.Get("token")}
	if before := c.last[now.group]; before != nil {
		if number(now.token) <= number(before.token) {
			c.say("%s: token %s does not follow %s", now.group, now.token, before.token)
		}
		overlaps := !before.ended || r.Time.Before(before.endedAt)
		if overlaps && !(!before.ended && c.crashed(before.token)) {
			c.say("%s: the term of %s (token %s) began before that of %s (token %s) ended",
				now.group, now.instance, now.token, before.instance, before.token)
		}
	}
	c.last[now.group], c.terms[now.group+"/"+now.token] = now, now
}

func (c *checker) termEnded(r fleet.Record) {
	t := c.terms[r.Get("group")+"/"+r.Get("token")]
	if t == nil {
		c.say("%s: token %s ended without a beginning", r.Get("group"), r.Get("token"))
		return
	}
	t.ended, t.endedAt = true, r.Time
}

func (c *checker) runStarted(r fleet.Record) {
	attempt := r.Get("run_id") + " attempt " + r.Get("attempt")
	if first, twice := c.attempts[attempt]; twice {
		c.say("%s started on %s and on %s", attempt, first.Source, r.Source)
	}
	c.attempts[attempt] = r
	t := c.terms[r.Get("group")+"/"+r.Get("token")]
	switch {
	case t == nil || t.instance != r.Source:
		c.say("%s started on %s, which had no term with token %s", attempt, r.Source, r.Get("token"))
	case t.ended && r.Time.After(t.endedAt):
		c.say("%s started on %s after its term had ended", attempt, r.Source)
	}
}

func number(token string) int64 {
	n, _ := strconv.ParseInt(token, 10, 64)
	return n
}
