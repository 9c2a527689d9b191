// Package etcdlease holds one etcd lease for as long as that can be proven.
//
// It is not clientv3/concurrency.Session (ADR 0002): a deadline here counts from
// the time a request was sent, on two clocks, and no answer that arrives after it
// revives a lease. It neither knows elections nor writes keys.
//
// Invariant: while Lease.Valid reports true, etcd has not let the lease expire, as
// long as both clocks run at nearly the same rate.
package etcdlease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/platform/election/internal/proof"
)

// ErrDeadline says that a lease's deadline has passed without a renewal.
var ErrDeadline = errors.New("lease deadline passed without a renewal")

const (
	minTTL = time.Second
	maxTTL = 24 * time.Hour

	// drift is the greatest difference in rate between this process's clocks and
	// etcd's that the deadline allows for.
	drift = 0.01
)

// ValidateTTL reports whether etcd can grant a lease of ttl.
func ValidateTTL(ttl time.Duration) error {
	switch {
	case ttl < minTTL:
		return fmt.Errorf("ttl %s: must be at least %s, the smallest lease etcd can grant", ttl, minTTL)
	case ttl%time.Second != 0:
		return fmt.Errorf("ttl %s: must be whole seconds, etcd knows no fractions", ttl)
	case ttl > maxTTL:
		return fmt.Errorf("ttl %s: must be at most %s, or a crash would leave the group without a leader for days", ttl, maxTTL)
	}
	return nil
}

// AttemptTimeout bounds one request of a process with the given TTL. Short, so
// that an endpoint that hangs costs one attempt: the client's balancer sends the
// next to another.
func AttemptTimeout(ttl time.Duration) time.Duration {
	return min(max(ttl/5, 300*time.Millisecond), 2*time.Second)
}

// trust is how long after the sending of a request its lease is believed in: the
// TTL less what the clocks may differ by, less a margin for the steps between
// reading a clock and acting.
func trust(ttl time.Duration) time.Duration {
	return ttl - time.Duration(float64(ttl)*drift) - ttl/25
}

// Lessor grants leases and sees to it that none is left behind. Its methods are
// safe for concurrent use.
type Lessor struct {
	client *clientv3.Client
	ttl    time.Duration
	clock  proof.Clock
	log    *slog.Logger

	mu      sync.Mutex
	orphans []clientv3.LeaseID // leases of ours that could not be revoked yet
}

// NewLessor returns a lessor of leases of ttl, which ValidateTTL has accepted.
func NewLessor(client *clientv3.Client, ttl time.Duration, clock proof.Clock, log *slog.Logger) *Lessor {
	return &Lessor{client: client, ttl: ttl, clock: clock, log: log}
}

// Lease is one lease. Its methods are safe for concurrent use.
type Lease struct {
	ID  clientv3.LeaseID
	TTL time.Duration // granted, which may be more than asked

	lessor   *Lessor
	deadline *proof.Deadline
}

// Grant revokes what is left of earlier leases and asks for a new one.
func (l *Lessor) Grant(ctx context.Context) (*Lease, error) {
	l.revokeOrphans(ctx)
	ctx, cancel := context.WithTimeout(ctx, AttemptTimeout(l.ttl))
	defer cancel()
	sent := l.clock()
	resp, err := l.client.Grant(ctx, int64(l.ttl/time.Second))
	if err != nil {
		return nil, fmt.Errorf("grant lease: %w", err)
	}
	ttl := time.Duration(resp.TTL) * time.Second
	return &Lease{ID: resp.ID, TTL: ttl, lessor: l, deadline: proof.NewDeadline(l.clock, sent, trust(ttl))}, nil
}

// Revoke ends a lease, and with it every key on it. What cannot be revoked now is
// remembered: after a restart of etcd a lease gets its whole TTL again, and nobody
// could lead before it has passed. The end of ctx does not keep it from trying.
func (l *Lessor) Revoke(ctx context.Context, id clientv3.LeaseID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), AttemptTimeout(l.ttl))
	defer cancel()
	if _, err := l.client.Revoke(ctx, id); err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		l.mu.Lock()
		l.orphans = append(l.orphans, id)
		l.mu.Unlock()
	}
}

func (l *Lessor) revokeOrphans(ctx context.Context) {
	l.mu.Lock()
	orphans := l.orphans
	l.orphans = nil
	l.mu.Unlock()
	for i, id := range orphans {
		if ctx.Err() != nil {
			l.mu.Lock()
			l.orphans = append(l.orphans, orphans[i:]...)
			l.mu.Unlock()
			return
		}
		l.Revoke(ctx, id)
	}
}

// Valid reports whether the lease is proven to be held. It takes no lock and asks
// nobody.
func (l *Lease) Valid() bool { return l.deadline.Valid() }

// End makes the lease invalid here, for good. etcd is not told.
func (l *Lease) End() { l.deadline.End() }

// Renew confirms the lease until ctx ends or the lease is lost, and returns why:
// every quarter of its TTL, and more often while that fails. A renewal is no raft
// proposal: it costs etcd no disk write.
//
// Run Watch beside it: a request that hangs keeps Renew from noticing anything.
func (l *Lease) Renew(ctx context.Context) error {
	failing := NewEpisode(l.lessor.log, "lease renewal")
	pause := l.TTL / 4
	for {
		if err := Wait(ctx, pause); err != nil {
			return err
		}
		attempt, cancel := context.WithTimeout(ctx, AttemptTimeout(l.TTL))
		sent := l.lessor.clock()
		resp, err := l.lessor.client.KeepAliveOnce(attempt, l.ID)
		cancel()
		switch {
		case err == nil:
			if !l.deadline.Extend(sent, trust(time.Duration(resp.TTL)*time.Second)) {
				return ErrDeadline
			}
			failing.Recovered(ctx)
			pause = l.TTL / 4
		case errors.Is(err, rpctypes.ErrLeaseNotFound):
			l.End()
			return fmt.Errorf("renew lease: %w", err)
		default:
			if ctx.Err() == nil {
				failing.Failed(ctx, err)
			}
			pause = Pause()
		}
	}
}

// Watch returns when ctx ends, or the deadline passes, and then ends the lease. It
// looks often, because a timer runs on the monotonic clock, which does not see a
// suspended machine.
func (l *Lease) Watch(ctx context.Context) error {
	glance := min(l.TTL/20, 250*time.Millisecond)
	for {
		left := l.deadline.Left()
		if left <= 0 {
			l.End()
			return ErrDeadline
		}
		if err := Wait(ctx, min(left, glance)); err != nil {
			return err
		}
	}
}

// Pause returns how long to wait before a failed request is tried again.
func Pause() time.Duration { return 50*time.Millisecond + rand.N(200*time.Millisecond) }

// Wait returns nil after d, or the cause of ctx's end.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
