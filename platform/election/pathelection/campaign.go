package pathelection

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/internal/etcdlease"
	"example.com/baton/platform/election/internal/proof"
)

// candidate is one key at a path.
type candidate struct {
	e      *Elector
	s      *session
	group  string
	prefix string // of all candidates
	key    string
	rev    int64 // create revision of the key; zero while that is not known
}

var errKeyGone = errors.New("candidate key was removed")

func newCandidate(e *Elector, s *session, group, path string) *candidate {
	return &candidate{e: e, s: s, group: group, prefix: path + "/", key: fmt.Sprintf("%s/%x", path, s.ID)}
}

// campaign takes a place at the path and waits until it is the first one; then it
// runs a term. It returns when the place is given up or lost. Early says that lead
// returned while its context was alive.
func (e *Elector) campaign(ctx context.Context, s *session, group, path string, lead func(context.Context, election.Term)) (early bool) {
	waiting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.life, func() { cancel(context.Cause(s.life)) })()

	c := newCandidate(e, s, group, path)
	defer c.remove()
	if err := c.enqueue(waiting); err != nil {
		return false
	}
	at, err := c.await(waiting)
	if err != nil {
		if errors.Is(err, errKeyGone) {
			e.log.WarnContext(ctx, "candidate lost its place", "group", group, "key", c.key)
		}
		return false
	}
	return e.serve(ctx, c, at, lead)
}

// enqueue writes the key. A request is never cancelled half-way: a key that was
// written without this process knowing it would stay in the queue, renewed and
// served by nobody.
func (c *candidate) enqueue(ctx context.Context) error {
	failing := etcdlease.NewEpisode(c.e.log, "candidacy")
	for ctx.Err() == nil {
		attempt, cancel := context.WithTimeout(c.s.life, etcdlease.AttemptTimeout(c.s.TTL))
		resp, err := c.e.client.Txn(attempt).
			If(clientv3.Compare(clientv3.CreateRevision(c.key), "=", 0)).
			Then(clientv3.OpPut(c.key, c.e.cfg.Instance, clientv3.WithLease(c.s.ID))).
			Else(clientv3.OpGet(c.key)).
			Commit()
		cancel()
		switch {
		case err == nil && resp.Succeeded:
			c.rev = resp.Header.Revision
			return nil
		case err == nil:
			// The key carries this process's lease: it is from an attempt whose
			// answer got lost.
			c.rev = resp.Responses[0].GetResponseRange().Kvs[0].CreateRevision
			return nil
		case errors.Is(err, rpctypes.ErrLeaseNotFound):
			c.s.end(fmt.Errorf("enqueue: %w", err))
			return err
		case ctx.Err() == nil:
			failing.Failed(ctx, err)
			_ = etcdlease.Wait(ctx, etcdlease.Pause())
		}
	}
	return context.Cause(ctx)
}

// await returns when no candidate is before this one, with the revision at which
// that was seen. From then on nobody can come before it: create revisions grow.
func (c *candidate) await(ctx context.Context) (at int64, err error) {
	failing := etcdlease.NewEpisode(c.e.log, "election queue")
	warned := false
	for ctx.Err() == nil {
		before, at, err := c.look(ctx)
		if err == nil && before == nil {
			return at, nil
		}
		if err == nil {
			if before.Lease == 0 && !warned {
				warned = true
				c.e.log.WarnContext(ctx, "waiting for a key that has no lease and will not go by itself", "group", c.group, "key", string(before.Key))
			}
			err = c.e.deleted(ctx, at, c.key, string(before.Key))
		}
		switch {
		case err == nil:
			failing.Recovered(ctx)
		case errors.Is(err, errKeyGone):
			return 0, err
		case ctx.Err() == nil:
			failing.Failed(ctx, err)
			_ = etcdlease.Wait(ctx, etcdlease.Pause())
		}
	}
	return 0, context.Cause(ctx)
}

// look reads, at one revision, whether the own key is there and which candidate is
// right before it.
func (c *candidate) look(ctx context.Context) (before *mvccpb.KeyValue, at int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, etcdlease.AttemptTimeout(c.s.TTL))
	defer cancel()
	resp, err := c.e.client.Txn(ctx).Then(
		clientv3.OpGet(c.key),
		clientv3.OpGet(c.prefix, append(clientv3.WithLastCreate(), clientv3.WithMaxCreateRev(c.rev-1))...),
	).Commit()
	if err != nil {
		return nil, 0, fmt.Errorf("read candidates: %w", err)
	}
	own := resp.Responses[0].GetResponseRange().Kvs
	if len(own) == 0 || own[0].CreateRevision != c.rev {
		return nil, 0, errKeyGone
	}
	if others := resp.Responses[1].GetResponseRange().Kvs; len(others) > 0 {
		before = others[0]
	}
	return before, resp.Header.Revision, nil
}

// deleted returns nil when one of the keys has been deleted after revision at. An
// error, of which compaction is one, says no more than that one has to look again.
func (e *Elector) deleted(ctx context.Context, at int64, keys ...string) error {
	// Without RequireLeader a member that is cut off from its peers keeps the
	// watch open and silent.
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	found := make(chan error, len(keys))
	for _, key := range keys {
		watching.Go(func() {
			found <- firstEvent(e.client.Watch(ctx, key, clientv3.WithRev(at+1), clientv3.WithFilterPut()))
		})
	}
	return <-found
}

func firstEvent(watch clientv3.WatchChan) error {
	for resp := range watch {
		if err := resp.Err(); err != nil {
			return fmt.Errorf("watch candidates: %w", err)
		}
		if len(resp.Events) > 0 {
			return nil
		}
	}
	return errors.New("watch candidates: closed")
}

// remove gives the place up, and so hands the group on. While the session lives it
// tries until the key is gone; a key left behind would be renewed for ever and
// served by nobody.
func (c *candidate) remove() {
	for c.s.Valid() && c.s.life.Err() == nil {
		// The revision keeps a request that is late from hitting a later key.
		guard := clientv3.Compare(clientv3.CreateRevision(c.key), "=", c.rev)
		if c.rev == 0 {
			guard = clientv3.Compare(clientv3.CreateRevision(c.key), ">", 0)
		}
		attempt, cancel := context.WithTimeout(c.s.life, etcdlease.AttemptTimeout(c.s.TTL))
		_, err := c.e.client.Txn(attempt).If(guard).Then(clientv3.OpDelete(c.key)).Commit()
		cancel()
		// At the end of Run the lease is revoked, and that removes the key too.
		if err == nil || c.e.closing.Err() != nil {
			return
		}
		c.e.log.WarnContext(c.s.life, "group not handed on", "group", c.group, "token", c.rev, "error", err)
		_ = etcdlease.Wait(c.s.life, etcdlease.Pause())
	}
}

// holding is the leadership of one group under one token.
type holding struct {
	s      *session
	tenure *proof.Context
}

// lose ends a holding that etcd no longer confirms.
func (h *holding) lose() { h.tenure.End(election.ErrLost) }

// serve runs one term. At is the revision at which the key was seen to be first.
func (e *Elector) serve(ctx context.Context, c *candidate, at int64, lead func(context.Context, election.Term)) (early bool) {
	h := e.begin(ctx, c)
	if h == nil {
		return false
	}
	term, resign := context.WithCancelCause(election.WithTenure(h.tenure, h.tenure))
	resigned := func() { resign(election.ErrResigned) }
	stopCtx := context.AfterFunc(ctx, resigned)

	guarded, unguard := context.WithCancel(c.s.life)
	var guard sync.WaitGroup
	guard.Go(func() { c.guard(guarded, h, at) })
	// Deferred, so that a lead that panics does not leave a group behind that is
	// renewed for ever and served by nobody; the key goes after this.
	defer func() {
		stopCtx()
		early = term.Err() == nil
		resigned()
		h.tenure.End(election.ErrResigned)
		e.mu.Lock()
		delete(e.mu.holdings, h)
		e.mu.Unlock()
		unguard()
		guard.Wait()
	}()
	lead(term, election.Term{Group: c.group, Leader: e.cfg.Instance, Token: c.rev})
	return early
}

// begin returns the holding of a candidate that is first, or nil when its session
// is over.
func (e *Elector) begin(ctx context.Context, c *candidate) *holding {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mu.session != c.s || !c.s.Valid() || ctx.Err() != nil {
		return nil
	}
	h := &holding{s: c.s, tenure: proof.NewContext(ctx, c.s.Valid)}
	e.mu.holdings[h] = true
	e.mu.keys[c.group] = c.key
	return h
}

// guard ends h when the key of c goes away although its lease lives: somebody
// deleted it.
func (c *candidate) guard(ctx context.Context, h *holding, at int64) {
	failing := etcdlease.NewEpisode(c.e.log, "election watch")
	for ctx.Err() == nil {
		err := c.e.deleted(ctx, at, c.key)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			failing.Failed(ctx, err)
			_ = etcdlease.Wait(ctx, etcdlease.Pause())
		}
		switch _, now, err := c.look(ctx); {
		case errors.Is(err, errKeyGone):
			h.lose()
			return
		case err == nil:
			failing.Recovered(ctx)
			at = now
		}
	}
}
