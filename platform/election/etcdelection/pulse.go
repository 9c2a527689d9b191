package etcdelection

import (
	"context"
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/platform/election/internal/lifeline"
	"example.com/baton/platform/election/internal/proof"
)

// Pulse mode finds a leader that is frozen or cut off long before its lease
// expires. While a process owns a group it rewrites its member record every
// Config.Pulse, and trusts itself for PulseTimeout from the *sending* of the last
// confirmed rewrite. The others replace an owner whose record they have not *seen*
// change for PulseTimeout. A rewrite is sent before it is committed and committed
// before it is seen, so the owner always stops first. An observer that was paused
// itself, and has seen nothing for that reason, does no harm: its takeover is
// conditional on the record it saw last.
//
// The price is one raft proposal for each pulse and process that leads.

// silent is the proof that a pulsing owner gives by saying nothing.
const silent lifeline.Proof = "silent"

var errPulse = errors.New("no pulse was confirmed in time")

// minPulse keeps a slip in a unit from becoming a load test of etcd.
const minPulse = 20 * time.Millisecond

// ValidatePulse reports whether a process can pulse like that.
func ValidatePulse(pulse, timeout, ttl time.Duration) error {
	switch {
	case pulse == 0 && timeout == 0:
		return nil
	case pulse < minPulse:
		return fmt.Errorf("pulse %s: must be at least %s", pulse, minPulse)
	case timeout < 3*pulse:
		return fmt.Errorf("pulse timeout %s: must be at least three pulses, %s", timeout, 3*pulse)
	case timeout >= ttl:
		return fmt.Errorf("pulse timeout %s: must be shorter than the ttl, %s", timeout, ttl)
	}
	return nil
}

// mayLead reports whether what this process owns may be acted on.
func (s *session) mayLead() bool {
	if s.e.cfg.Pulse == 0 {
		return s.deadline.Valid()
	}
	beat := s.beat.Load()
	return beat != nil && beat.Valid() && s.deadline.Valid()
}

// left returns how long that stays so without news.
func (s *session) left() time.Duration {
	left := s.deadline.Left()
	if beat := s.beat.Load(); beat != nil {
		left = min(left, beat.Left())
	}
	return left
}

// startPulse is called when this process has become an owner.
func (s *session) startPulse() {
	select {
	case s.owning <- struct{}{}:
	default:
	}
}

// pulse rewrites the member record while this process owns anything.
func (s *session) pulse(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.owning:
		}
		if err := s.pulseWhileOwning(ctx); err != nil {
			return err
		}
	}
}

func (s *session) pulseWhileOwning(ctx context.Context) error {
	defer s.beat.Store(nil)
	for s.owns() {
		sent := s.e.cfg.clock()
		err := s.rewrite(ctx)
		beat := s.beat.Load()
		switch {
		case errors.Is(err, errRecordGone):
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil && beat == nil:
			s.beat.Store(proof.NewDeadline(s.e.cfg.clock, sent, trust(s.e.cfg.PulseTimeout)))
			s.wake() // what was won may be led now
		case err == nil && !beat.Extend(sent, trust(s.e.cfg.PulseTimeout)), beat != nil && !beat.Valid():
			return errPulse
		}
		pause := s.e.cfg.Pulse
		if err != nil {
			pause /= 4
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) owns() bool {
	s.e.mu.Lock()
	defer s.e.mu.Unlock()
	return len(s.view.leads(s.incarnation)) > 0
}

func (s *session) rewrite(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.e.cfg.PulseTimeout/2)
	defer cancel()
	key := s.e.cfg.memberKey()
	resp, err := s.e.client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(key), "=", s.created)).
		Then(clientv3.OpPut(key, s.record, clientv3.WithLease(s.lease))).
		Commit()
	if err != nil {
		return fmt.Errorf("pulse: %w", err)
	}
	if !resp.Succeeded {
		return errRecordGone
	}
	return nil
}

// listen looks at whether the owner of a group has been silent for too long, and
// returns when it would be. Elector.mu is held.
func (s *session) listen(o owner, now time.Time) (until time.Time) {
	m, there := s.view.members[o.Instance]
	if !there || m.Incarnation != o.Incarnation || m.PulseTimeout == 0 {
		return time.Time{}
	}
	heard, ok := s.heard[o.Incarnation]
	if !ok {
		heard = now
		s.heard[o.Incarnation] = now
	}
	until = heard.Add(time.Duration(m.PulseTimeout) * time.Millisecond)
	if now.Before(until) {
		return until
	}
	s.deaths[o.Incarnation] = death{silent, now}
	return time.Time{}
}

// hear notes that something written by, or about, an incarnation was seen.
// Elector.mu is held.
func (s *session) hear(key string) {
	if instance, ok := s.view.instance(key); ok {
		s.heard[s.view.members[instance].Incarnation] = time.Now()
	} else if group, ok := s.view.group(key); ok {
		s.heard[s.view.owners[group].Incarnation] = time.Now()
	}
}
