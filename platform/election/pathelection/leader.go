package pathelection

import (
	"context"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/internal/etcdlease"
)

// Leader implements election.Elector with one linearizable read. The leader may be
// a contender of another kind; its name is then whatever it wrote.
func (e *Elector) Leader(ctx context.Context, group string) (election.Term, bool, error) {
	path, err := e.path(group)
	if err != nil {
		return election.Term{}, false, err
	}
	f, err := e.first(ctx, group, path)
	if err != nil {
		return election.Term{}, false, fmt.Errorf("leader of %q: %w", group, err)
	}
	return f.term, f.term.Token != 0, nil
}

// first is the candidate that leads.
type first struct {
	term election.Term
	key  string // empty when there is none
	at   int64  // revision of the read
}

func (e *Elector) first(ctx context.Context, group, path string) (first, error) {
	resp, err := e.client.Get(ctx, path+"/", clientv3.WithFirstCreate()...)
	if err != nil {
		return first{}, err
	}
	f := first{at: resp.Header.Revision}
	for _, kv := range resp.Kvs {
		f.key = string(kv.Key)
		f.term = election.Term{Group: group, Leader: string(kv.Value), Token: kv.CreateRevision}
	}
	return f, nil
}

// Observe calls seen with who leads group, first as it is and then at every change,
// until ctx ends; ok is false while nobody does. It returns the cause of ctx's end.
// Troubles with etcd are sat out: the last answer may be old then.
func (e *Elector) Observe(ctx context.Context, group string, seen func(t election.Term, ok bool)) error {
	path, err := e.path(group)
	if err != nil {
		return err
	}
	var last election.Term
	known := false
	for ctx.Err() == nil {
		f, err := e.firstWithin(ctx, group, path)
		if err == nil {
			if !known || f.term != last {
				known, last = true, f.term
				seen(f.term, f.term.Token != 0)
			}
			err = e.changed(ctx, f, path)
		}
		if err != nil && ctx.Err() == nil {
			_ = etcdlease.Wait(ctx, etcdlease.Pause())
		}
	}
	return context.Cause(ctx)
}

func (e *Elector) firstWithin(ctx context.Context, group, path string) (first, error) {
	ctx, cancel := context.WithTimeout(ctx, etcdlease.AttemptTimeout(e.cfg.TTL))
	defer cancel()
	return e.first(ctx, group, path)
}

// changed returns nil when the first candidate has changed its value or gone, or,
// when there was none, one has come.
func (e *Elector) changed(ctx context.Context, f first, path string) error {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	if f.key == "" {
		return firstEvent(e.client.Watch(ctx, path+"/", clientv3.WithPrefix(), clientv3.WithRev(f.at+1)))
	}
	return firstEvent(e.client.Watch(ctx, f.key, clientv3.WithRev(f.at+1)))
}

// Fence returns the condition under which a transaction may write for a term of
// this process: the candidate key is still the one that began the term. It is never
// true for a term that this process did not have.
func (e *Elector) Fence(t election.Term) clientv3.Cmp {
	e.mu.Lock()
	defer e.mu.Unlock()
	key, ok := e.mu.keys[t.Group]
	if !ok || t.Token <= 0 {
		return clientv3.Compare(clientv3.CreateRevision(e.cfg.Path(t.Group)+"/"), "<", 0) // no revision is
	}
	return clientv3.Compare(clientv3.CreateRevision(key), "=", t.Token)
}
