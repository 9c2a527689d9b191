package etcdelection

import (
	"time"
)

// spread tells the terms of groups for which another member ranks first that
// they are wanted elsewhere. A member counts once it has been there for a while,
// so that a replica that keeps crashing is handed nothing; and few groups move at
// a time, so that there is never a moment at which everything is on the move.
// It returns when to look again. Elector.mu is held.
func (s *session) spread(now time.Time) time.Time {
	e := s.e
	again := now.Add(s.ttl / 4)
	for instance := range s.view.members {
		if s.seen[instance].IsZero() {
			s.seen[instance] = now
		}
	}
	for instance := range s.seen {
		if _, there := s.view.members[instance]; !there {
			delete(s.seen, instance)
		}
	}
	// A single group has nothing to be spread: it stays, whoever joins.
	if e.cfg.Settle < 0 || len(e.mu.candidates) < 2 {
		return again
	}
	moving := 0
	for _, c := range e.mu.candidates {
		if c.holding != nil && c.holding.asked {
			moving++
		}
	}
	for group, c := range e.mu.candidates {
		if moving > len(e.mu.candidates)/8 {
			break
		}
		if c.holding == nil || c.holding.asked || c.holding.tenure == nil {
			continue
		}
		first, m, ok := s.view.first(group, s.deaths)
		if !ok || first == e.cfg.Instance || m.Incarnation == "" {
			continue
		}
		if settled := s.seen[first].Add(e.cfg.Settle); settled.After(now) {
			again = earlier(again, settled)
			continue
		}
		c.holding.asked = true
		close(c.holding.wanted)
		moving++
	}
	return again
}

// first returns the live member that ranks before all others for group.
func (v *view) first(group string, dead map[string]death) (string, member, bool) {
	return v.successor(group, "", "", dead)
}
