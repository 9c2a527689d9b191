package etcdelection

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/platform/election/internal/lifeline"
	"example.com/baton/platform/election/internal/proof"
)

// session is one lease and what hangs on it.
type session struct {
	e           *Elector
	lease       clientv3.LeaseID
	ttl         time.Duration // granted, which may be more than asked
	incarnation string
	created     int64 // revision of the member record
	deadline    *proof.Deadline
	record      string                         // of the member, as written
	beat        atomic.Pointer[proof.Deadline] // in pulse mode, while this process owns anything; else nil
	owning      chan struct{}                  // tells pulse that it does
	wakeup      chan struct{}
	background  sync.WaitGroup // requests under way; only observe adds to it

	// Guarded by Elector.mu:
	view      *view
	acquiring bool
	returning map[string]int64     // tokens being given back, by group
	released  map[string]int64     // newest token given up, by group: the watch may still show it
	deaths    map[string]death     // by incarnation
	heard     map[string]time.Time // when, by incarnation, something of it was seen last
	seen      map[string]time.Time // since when, by instance, a member has been in the view
}

var (
	errDeadline    = errors.New("lease deadline passed without a renewal")
	errTaken       = errors.New("instance id is in use by another process")
	errRecordGone  = errors.New("member record was removed or replaced")
	errRunFinished = errors.New("run finished")
)

// trust is how long after the sending of a renewal the lease is believed in:
// the TTL less what the clocks may differ by, less a margin for the steps
// between reading a clock and acting.
func trust(ttl time.Duration) time.Duration {
	return ttl - time.Duration(float64(ttl)*drift) - ttl/25
}

// attemptTimeout bounds one request. Short, so that an endpoint that hangs costs
// one attempt: the client's balancer sends the next to another.
func attemptTimeout(ttl time.Duration) time.Duration {
	return min(max(ttl/5, 300*time.Millisecond), 2*time.Second)
}

// open grants a lease and writes the member record.
func (e *Elector) open(ctx context.Context) (*session, error) {
	e.revokeOrphans(ctx)
	timeout := attemptTimeout(e.cfg.TTL)
	if err := e.checkUnique(ctx, timeout); err != nil {
		return nil, err
	}

	grantCtx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	sent := e.cfg.clock()
	lease, err := e.client.Grant(grantCtx, int64(e.cfg.TTL/time.Second))
	if err != nil {
		return nil, fmt.Errorf("grant lease: %w", err)
	}
	ttl := time.Duration(lease.TTL) * time.Second
	s := &session{
		e: e, lease: lease.ID, ttl: ttl, incarnation: newIncarnation(),
		deadline:  proof.NewDeadline(e.cfg.clock, sent, trust(ttl)),
		owning:    make(chan struct{}, 1),
		wakeup:    make(chan struct{}, 1),
		view:      newView(e.cfg),
		returning: map[string]int64{},
		released:  map[string]int64{},
		deaths:    map[string]death{},
		heard:     map[string]time.Time{},
		seen:      map[string]time.Time{},
	}
	if err := s.register(ctx, timeout); err != nil {
		e.revoke(ctx, s.lease)
		return nil, err
	}
	return s, nil
}

// checkUnique is the cheap look before a lease is granted, so that a process
// that waits for its name costs etcd reads only.
func (e *Elector) checkUnique(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	resp, err := e.client.Get(ctx, e.cfg.memberKey())
	if err != nil {
		return fmt.Errorf("read member record: %w", err)
	}
	if len(resp.Kvs) > 0 && !e.isPredecessor(ctx, resp.Kvs[0]) {
		return fmt.Errorf("instance.id %q: %w, or its lease has not expired yet", e.cfg.Instance, errTaken)
	}
	return nil
}

// isPredecessor reports whether a record with this process's name belongs to a
// process that is gone, and if so removes what it left behind: one that crashed
// and was restarted under its old name need not wait for its own lease.
func (e *Elector) isPredecessor(ctx context.Context, kv *mvccpb.KeyValue) bool {
	v := newView(e.cfg)
	v.put(kv)
	m := v.members[e.cfg.Instance]
	if _, trusted := m.Lifeline.reach(e.machine); !trusted || e.server == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if _, err := lifeline.Watch(ctx, m.Lifeline.Address, m.Incarnation, true); err != nil {
		return false
	}
	e.revoke(ctx, m.lease)
	return true
}

func (s *session) register(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	key := s.e.cfg.memberKey()
	host, _ := os.Hostname() // shown to people only
	s.record = encode(memberRecord{
		V: 1, Incarnation: s.incarnation, Host: host,
		Version: s.e.cfg.Version, Since: time.Now().UTC().Truncate(time.Millisecond),
		Observer: s.e.cfg.Observer, PulseTimeout: s.e.cfg.PulseTimeout.Milliseconds(), Lifeline: s.e.lifeline(),
	})
	resp, err := s.e.client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
		Then(clientv3.OpPut(key, s.record, clientv3.WithLease(s.lease))).
		Commit()
	if err != nil {
		return fmt.Errorf("write member record: %w", err)
	}
	if !resp.Succeeded {
		return fmt.Errorf("instance.id %q: %w", s.e.cfg.Instance, errTaken)
	}
	s.created = resp.Header.Revision
	return nil
}

// hold keeps s until it is lost or ctx ends and all leads have returned.
func (e *Elector) hold(ctx context.Context, s *session) {
	// Not a child of ctx: after its end the lease must live until the work that
	// hangs on it has drained.
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	e.attach(s)
	e.log.InfoContext(ctx, "election session opened", "instance", e.cfg.Instance, "ttl", s.ttl)

	var parts sync.WaitGroup
	parts.Go(func() { end(s.renew(life)) })
	parts.Go(func() { end(s.watchdog(life)) })
	parts.Go(func() { end(s.observe(life)) })
	if e.cfg.Pulse > 0 {
		parts.Go(func() { end(s.pulse(life)) })
	}

	drained := make(chan struct{})
	var waiter sync.WaitGroup
	select {
	case <-life.Done():
	case <-ctx.Done():
		e.stop()
		waiter.Go(func() { e.leads.Wait(); close(drained) })
		select {
		case <-life.Done():
		case <-drained:
			end(errRunFinished)
		}
	}
	cause := context.Cause(life)
	e.detach(s, cause) // step down here before anything else
	parts.Wait()
	s.background.Wait()
	waiter.Wait()
	if errors.Is(cause, errRunFinished) {
		e.log.InfoContext(ctx, "election session closed", "instance", e.cfg.Instance)
	} else {
		e.log.WarnContext(ctx, "election session lost", "instance", e.cfg.Instance, "error", cause)
	}
	e.revoke(ctx, s.lease)
}

func (e *Elector) attach(s *session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.session = s
	e.mu.trouble = nil
	if e.server != nil {
		e.server.Announce(s.incarnation)
	}
}

// lifeline is where peers learn of this process's death.
func (e *Elector) lifeline() *lifelineRecord {
	if e.server == nil {
		return nil
	}
	return &lifelineRecord{Address: cmp.Or(e.cfg.Advertise, e.server.Address()), Machine: e.machine, Process: e.process}
}

func (e *Elector) detach(s *session, cause error) {
	s.deadline.End()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.session = nil
	e.mu.trouble = cmp.Or(cause, errDeadline)
	for _, c := range e.mu.candidates {
		c.lose()
	}
	// Last: it is what others act on.
	if e.server != nil {
		e.server.Announce("")
	}
}

// renew confirms the lease every quarter of its TTL, and more often while that
// fails. A renewal is no raft proposal: it costs etcd no disk write.
func (s *session) renew(ctx context.Context) error {
	failing := newEpisode(s.e.log, "lease renewal")
	pause := s.ttl / 4
	for {
		if err := wait(ctx, pause); err != nil {
			return err
		}
		attempt, cancel := context.WithTimeout(ctx, attemptTimeout(s.ttl))
		sent := s.e.cfg.clock()
		resp, err := s.e.client.KeepAliveOnce(attempt, s.lease)
		cancel()
		switch {
		case err == nil:
			if !s.deadline.Extend(sent, trust(time.Duration(resp.TTL)*time.Second)) {
				return errDeadline
			}
			failing.recovered(ctx)
			pause = s.ttl / 4
		case errors.Is(err, rpctypes.ErrLeaseNotFound):
			return fmt.Errorf("renew lease: %w", err)
		default:
			if ctx.Err() == nil {
				failing.failed(ctx, err)
			}
			pause = 50*time.Millisecond + rand.N(200*time.Millisecond)
		}
	}
}

// watchdog ends the session when its deadline passes. It looks often, because a
// timer runs on the monotonic clock, which does not see a suspended machine.
func (s *session) watchdog(ctx context.Context) error {
	glance := min(s.ttl/20, 250*time.Millisecond)
	if s.e.cfg.Pulse > 0 {
		glance = min(glance, s.e.cfg.Pulse/2)
	}
	for {
		left := s.left()
		if left <= 0 {
			s.deadline.End()
			return errDeadline
		}
		if err := wait(ctx, min(left, glance)); err != nil {
			return err
		}
	}
}

// revoke ends a lease, and with it every record on it. What cannot be revoked
// now is remembered: after a restart of etcd a lease gets its whole TTL again,
// and nobody could lead before it has passed.
func (e *Elector) revoke(ctx context.Context, lease clientv3.LeaseID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptTimeout(e.cfg.TTL))
	defer cancel()
	if _, err := e.client.Revoke(ctx, lease); err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		e.mu.Lock()
		e.mu.orphans = append(e.mu.orphans, lease)
		e.mu.Unlock()
	}
}

func (e *Elector) revokeOrphans(ctx context.Context) {
	e.mu.Lock()
	orphans := e.mu.orphans
	e.mu.orphans = nil
	e.mu.Unlock()
	for i, lease := range orphans {
		e.revoke(ctx, lease)
		if ctx.Err() != nil {
			e.mu.Lock()
			e.mu.orphans = append(e.mu.orphans, orphans[i+1:]...)
			e.mu.Unlock()
			return
		}
	}
}

func (s *session) wake() {
	select {
	case s.wakeup <- struct{}{}:
	default:
	}
}

// wait returns nil after d, or the cause of ctx's end.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
