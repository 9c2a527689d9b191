package etcdelection

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/platform/election/internal/lifeline"
)

// victim is a member that is proven to be gone, and what it led.
type victim struct {
	instance string
	member
	tokens map[string]int64 // by group
}

// takeover replaces a dead owner, in the background and one transaction at a
// time. Each record is written only if it is still the one that was seen, so
// whatever the proof is worth, there is never a second valid token.
// Elector.mu is held.
func (s *session) takeover(ctx context.Context, dead *victim, now time.Time) {
	if s.acquiring {
		return
	}
	groups := make([]string, 0, len(dead.tokens))
	for group := range dead.tokens {
		groups = append(groups, group)
	}
	slices.Sort(groups)
	groups = groups[:min(len(groups), maxGroups)]
	for _, group := range groups {
		s.e.mu.candidates[group].retry = now.Add(confirmWithin)
	}
	proof := s.deaths[dead.Incarnation].proof
	s.acquiring = true
	s.background.Go(func() {
		err := s.replace(ctx, dead, groups)
		s.e.mu.Lock()
		s.acquiring = false
		if errors.Is(err, errStirred) {
			delete(s.deaths, dead.Incarnation)
			s.heard[dead.Incarnation] = time.Now()
		}
		if err == nil && proof == lifeline.Refused {
			s.e.mu.buried[dead.Lifeline.Process] = dead.Incarnation
		}
		s.e.mu.Unlock()
		if err != nil {
			if ctx.Err() == nil {
				s.e.log.WarnContext(ctx, "groups not taken over", "groups", len(groups), "from", dead.instance, "error", err)
			}
		} else {
			s.e.log.InfoContext(ctx, "groups taken over", "groups", len(groups), "from", dead.instance, "proof", proof)
			s.e.revoke(ctx, dead.lease) // what is left of it, for whoever waits
		}
		s.wake()
	})
}

// errStirred says that the member has written its record since it was taken for
// dead.
var errStirred = errors.New("the member is alive")

// replace writes this session into the owner records of dead, and removes its
// member record.
func (s *session) replace(ctx context.Context, dead *victim, groups []string) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout(s.ttl))
	defer cancel()
	record := encode(ownerRecord{V: 1, Instance: s.e.cfg.Instance, Incarnation: s.incarnation})
	memberKey := s.e.cfg.Base + "/members/" + dead.instance
	ops := []clientv3.Op{clientv3.OpDelete(memberKey)}
	for _, group := range groups {
		key := s.e.cfg.ownerKey(group)
		ops = append(ops, clientv3.OpTxn(
			[]clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(key), "=", dead.tokens[group])},
			[]clientv3.Op{clientv3.OpPut(key, record, clientv3.WithLease(s.lease))}, nil))
	}
	resp, err := s.e.client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(s.e.cfg.memberKey()), "=", s.created),
			clientv3.Compare(clientv3.ModRevision(memberKey), "=", dead.written)).
		Then(ops...).
		Commit()
	if err != nil {
		return fmt.Errorf("take over: %w", err)
	}
	if !resp.Succeeded {
		return fmt.Errorf("take over: %w", errStirred)
	}
	return nil
}

// noteResurrections finds processes that were buried because nobody listened at
// their address, and live. That address is not their own, or something refuses
// on their behalf: from now on their death is awaited from their lease.
// Elector.mu is held.
func (s *session) noteResurrections(ctx context.Context) {
	for instance, m := range s.view.members {
		if m.Lifeline == nil {
			continue
		}
		buried, ok := s.e.mu.buried[m.Lifeline.Process]
		if !ok || buried == m.Incarnation {
			continue
		}
		delete(s.e.mu.buried, m.Lifeline.Process)
		s.e.mu.distrusted[m.Lifeline.Process] = true
		s.e.mu.wrong++
		s.e.log.ErrorContext(ctx, "took over from a living process; its death is awaited from its lease from now on",
			"instance", instance, "address", m.Lifeline.Address)
	}
}

// WrongTakeovers returns how often this elector replaced a leader that was alive,
// because its address could not be reached although it lived.
func (e *Elector) WrongTakeovers() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.mu.wrong
}
