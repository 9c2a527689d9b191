package etcdelection

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// observe keeps the view and acts on it, until ctx ends or the member record
// turns out to be gone. Troubles with the watch are mended by listing again.
func (s *session) observe(ctx context.Context) error {
	failing := newEpisode(s.e.log, "election watch")
	w := &witnesses{s: s, watched: map[string]context.CancelFunc{}}
	for {
		err := s.follow(ctx, w, func() { failing.recovered(ctx) })
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, errRecordGone) {
			return err
		}
		failing.failed(ctx, err)
		if err := wait(ctx, 50*time.Millisecond+rand.N(200*time.Millisecond)); err != nil {
			return err
		}
	}
}

// follow lists the records and watches on from there. It returns when the watch
// breaks; compaction is one reason among others and needs no care of its own.
func (s *session) follow(ctx context.Context, w *witnesses, listed func()) error {
	watchCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	from, to := s.e.cfg.watched()

	listCtx, cancelList := context.WithTimeout(ctx, attemptTimeout(s.ttl))
	defer cancelList()
	list, err := s.e.client.Get(listCtx, from, clientv3.WithRange(to))
	if err != nil {
		return fmt.Errorf("list election records: %w", err)
	}
	listed()
	s.load(list)
	timer, err := s.reconcile(ctx, w)
	if err != nil {
		return err
	}

	// Without RequireLeader a member that is cut off from its peers keeps the
	// watch open and silent.
	events := s.e.client.Watch(clientv3.WithRequireLeader(watchCtx), from,
		clientv3.WithRange(to), clientv3.WithRev(list.Header.Revision+1), clientv3.WithProgressNotify())
	for {
		select {
		case resp, ok := <-events:
			if !ok {
				return errors.New("watch election records: closed")
			}
			if err := resp.Err(); err != nil {
				return fmt.Errorf("watch election records: %w", err)
			}
			s.apply(resp.Events)
		case <-s.wakeup:
		case <-timer:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if timer, err = s.reconcile(ctx, w); err != nil {
			return err
		}
	}
}

func (s *session) load(list *clientv3.GetResponse) {
	s.e.mu.Lock()
	defer s.e.mu.Unlock()
	s.view = newView(s.e.cfg)
	for _, kv := range list.Kvs {
		s.view.put(kv)
		s.hear(string(kv.Key))
	}
}

func (s *session) apply(events []*clientv3.Event) {
	s.e.mu.Lock()
	defer s.e.mu.Unlock()
	for _, event := range events {
		if event.Type == clientv3.EventTypeDelete {
			s.view.remove(string(event.Kv.Key))
		} else {
			s.view.put(event.Kv)
			s.hear(string(event.Kv.Key))
		}
	}
}

// reconcile compares the view with what this process holds and wants, begins
// and ends holdings, and starts what requests that takes. The channel it returns
// says when to look again without an event.
func (s *session) reconcile(ctx context.Context, w *witnesses) (<-chan time.Time, error) {
	e := s.e
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mu.session != s {
		return nil, context.Cause(ctx)
	}
	if m, ok := s.view.members[e.cfg.Instance]; !ok || m.created != s.created {
		return nil, errRecordGone
	}

	now := time.Now()
	next := now.Add(s.ttl / 4) // look now and then even if no event tells to
	var wanted []*candidate
	var dead *victim
	for group, c := range e.mu.candidates {
		o, owned := s.view.owners[group]
		mine := owned && o.Incarnation == s.incarnation && o.lease == s.lease
		if h := c.holding; h != nil && (!mine || o.token != h.token) {
			c.lose()
		}
		switch {
		case mine && c.holding == nil && o.token > s.released[group]:
			switch {
			case c.busy || c.leaving || e.cfg.Observer:
				s.giveBack(ctx, group, o.token)
			case s.mayLead():
				c.win(newHolding(s, o.token))
			default:
				s.startPulse()
			}
		case owned:
			silence := s.listen(o, now)
			death, gone := s.deaths[o.Incarnation]
			if !gone {
				if !silence.IsZero() {
					next = earlier(next, silence)
				}
				c.free, c.retry = time.Time{}, time.Time{}
				break
			}
			if c.busy || c.leaving || e.cfg.Observer {
				break
			}
			if at := s.turn(c, death.since); at.After(now) {
				next = earlier(next, at)
			} else {
				dead = s.victim(dead, group, o)
			}
		case !c.busy && !c.leaving && !e.cfg.Observer:
			if c.free.IsZero() {
				c.free = now
			}
			if at := s.turn(c, c.free); at.After(now) {
				next = earlier(next, at)
			} else {
				wanted = append(wanted, c)
			}
		}
	}
	s.giveBackUnwanted(ctx)
	s.noteResurrections(ctx)
	s.forgetDeaths()
	w.reconcile(ctx)
	next = earlier(next, s.spread(now))
	if dead != nil {
		s.takeover(ctx, dead, now)
	}
	s.acquire(ctx, wanted, now)
	return time.After(max(time.Until(next), time.Millisecond)), nil
}

// turn returns when this process may try to take a group that was there to be
// taken since then. Elector.mu is held.
func (s *session) turn(c *candidate, since time.Time) time.Time {
	rank := s.view.rank(c.group, s.e.cfg.Instance, s.deaths)
	return later(since.Add(time.Duration(rank)*s.e.cfg.rankStep), later(c.retry, c.out))
}

// victim adds a group to the dead member whose groups are taken over next; of
// several dead members the others wait for their turn. Elector.mu is held.
func (s *session) victim(dead *victim, group string, o owner) *victim {
	if dead == nil {
		m, there := s.view.members[o.Instance]
		if !there || m.Incarnation != o.Incarnation {
			return nil // its lease is about to take the record along
		}
		dead = &victim{instance: o.Instance, member: m, tokens: map[string]int64{}}
	}
	if dead.Incarnation == o.Incarnation {
		dead.tokens[group] = o.token
	}
	return dead
}

// win offers h to Lead. Elector.mu is held; nobody else sends.
func (c *candidate) win(h *holding) {
	c.holding = h
	c.free = time.Time{}
	select {
	case <-c.wins: // an older win that was never taken up
	default:
	}
	c.wins <- h
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
