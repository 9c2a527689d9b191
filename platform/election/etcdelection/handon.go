package etcdelection

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// handOn gives up a holding whose work has ended. While the session lives it
// tries until the record is no longer ours; a record left behind would be
// renewed for ever and served by nobody.
func (e *Elector) handOn(c *candidate, h *holding) {
	for transfer := true; ; transfer = false {
		e.mu.Lock()
		held := c.holding == h
		successor, m, ok := h.session.view.successor(c.group, e.cfg.Instance, c.successor, h.session.deaths)
		e.mu.Unlock()
		if !held || !h.session.deadline.Valid() {
			break
		}
		ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout(h.session.ttl))
		err := e.release(ctx, c.group, h.token, successor, m, ok && transfer)
		cancel()
		if err == nil {
			break
		}
		e.log.Warn("group not handed on", "group", c.group, "token", h.token, "error", err)
		_ = wait(context.Background(), 20*time.Millisecond+rand.N(80*time.Millisecond))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	h.session.released[c.group] = h.token
	if c.holding == h {
		c.holding = nil
		close(h.over)
	}
}

// release writes the successor into the owner record, with the successor's
// lease, if both still are who they were; otherwise it deletes the record. It
// does nothing when the record is not this term's any more.
func (e *Elector) release(ctx context.Context, group string, token int64, successor string, m member, transfer bool) error {
	key := e.cfg.ownerKey(group)
	mine := clientv3.Compare(clientv3.ModRevision(key), "=", token)
	remove := clientv3.OpTxn([]clientv3.Cmp{mine}, []clientv3.Op{clientv3.OpDelete(key)}, nil)
	if !transfer {
		if _, err := e.client.Do(ctx, remove); err != nil {
			return fmt.Errorf("delete owner record: %w", err)
		}
		return nil
	}
	record := encode(ownerRecord{V: 1, Instance: successor, Incarnation: m.Incarnation})
	there := clientv3.Compare(clientv3.CreateRevision(e.cfg.Base+"/members/"+successor), "=", m.created)
	_, err := e.client.Txn(ctx).
		If(mine, there).
		Then(clientv3.OpPut(key, record, clientv3.WithLease(m.lease))).
		Else(remove).
		Commit()
	if err != nil {
		return fmt.Errorf("transfer owner record to %q: %w", successor, err)
	}
	return nil
}

// giveBack deletes, in the background, the record of a group that was handed to
// this process although it can't serve it now. Elector.mu is held.
func (s *session) giveBack(ctx context.Context, group string, token int64) {
	if s.returning[group] == token {
		return
	}
	s.returning[group] = token
	s.background.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, attemptTimeout(s.ttl))
		defer cancel()
		if err := s.e.release(ctx, group, token, "", member{}, false); err != nil {
			s.e.mu.Lock()
			delete(s.returning, group) // the next look tries again
			s.e.mu.Unlock()
		}
	})
}

// giveBackUnwanted returns the groups that nobody in this process campaigns for.
// Elector.mu is held.
func (s *session) giveBackUnwanted(ctx context.Context) {
	for group, o := range s.view.owners {
		if o.Incarnation == s.incarnation && o.lease == s.lease && s.e.mu.candidates[group] == nil {
			s.giveBack(ctx, group, o.token)
		}
	}
}
