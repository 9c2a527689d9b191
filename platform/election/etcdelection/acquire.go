package etcdelection

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// maxGroups is how many groups one transaction takes. etcd allows 128 operations
// by default.
const maxGroups = 60

// confirmWithin is how long the watch is given to show what a transaction did
// before it is tried again.
const confirmWithin = 250 * time.Millisecond

// acquire tries to become owner of groups that have none, in the background and
// one transaction at a time. Elector.mu is held.
func (s *session) acquire(ctx context.Context, wanted []*candidate, now time.Time) {
	if len(wanted) == 0 || s.acquiring {
		return
	}
	wanted = wanted[:min(len(wanted), maxGroups)]
	groups := make([]string, len(wanted))
	for i, c := range wanted {
		groups[i] = c.group
		c.retry = now.Add(confirmWithin)
	}
	s.acquiring = true
	s.background.Go(func() {
		err := s.take(ctx, groups)
		s.e.mu.Lock()
		s.acquiring = false
		s.e.mu.Unlock()
		if err != nil && ctx.Err() == nil {
			s.e.log.WarnContext(ctx, "groups not acquired", "groups", len(groups), "error", err)
		}
		s.wake()
	})
}

// take writes owner records where there are none, provided that this session's
// member record still stands. Which of them it got is learnt from the watch.
func (s *session) take(ctx context.Context, groups []string) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout(s.ttl))
	defer cancel()
	record := encode(ownerRecord{V: 1, Instance: s.e.cfg.Instance, Incarnation: s.incarnation})
	slices.Sort(groups)
	ops := make([]clientv3.Op, len(groups))
	for i, group := range groups {
		key := s.e.cfg.ownerKey(group)
		ops[i] = clientv3.OpTxn(
			[]clientv3.Cmp{clientv3.Compare(clientv3.CreateRevision(key), "=", 0)},
			[]clientv3.Op{clientv3.OpPut(key, record, clientv3.WithLease(s.lease))},
			nil)
	}
	resp, err := s.e.client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(s.e.cfg.memberKey()), "=", s.created)).
		Then(ops...).
		Commit()
	if err != nil {
		return fmt.Errorf("acquire: %w", err)
	}
	if !resp.Succeeded {
		return errors.Join(errors.New("acquire"), errRecordGone)
	}
	return nil
}
