package etcdelection

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/platform/election"
)

// Errors of Resign.
var (
	// ErrNotLeading says that this process does not lead the group.
	ErrNotLeading = errors.New("etcdelection: not leading the group")
	// ErrNoSuchMember says that the successor asked for is not there, or stays
	// out of elections.
	ErrNoSuchMember = errors.New("etcdelection: no such candidate")
)

// Resign gives up one group gracefully: its term ends with ErrResigned, and once
// lead has returned the group goes to successor, or, if that is empty, to the
// member that ranks first. It returns when the group has been handed on or ctx
// ends; the handing on goes on without ctx. This process campaigns on.
func (e *Elector) Resign(ctx context.Context, group, successor string) error {
	over, err := e.beginResign(group, successor)
	if err != nil {
		return fmt.Errorf("resign %q: %w", group, err)
	}
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("resign %q: %w", group, context.Cause(ctx))
	}
}

// ResignAll gives up every group that this process leads, as Resign does, each to
// the member that ranks first for it. It returns how many were handed on.
func (e *Elector) ResignAll(ctx context.Context) (int, error) {
	e.mu.Lock()
	groups := slices.Sorted(maps.Keys(e.mu.candidates))
	e.mu.Unlock()
	var over []<-chan struct{}
	for _, group := range groups {
		if done, err := e.beginResign(group, ""); err == nil { // else: not led
			over = append(over, done)
		}
	}
	for n, done := range over {
		select {
		case <-done:
		case <-ctx.Done():
			return n, fmt.Errorf("resign all: %d of %d groups handed on: %w", n, len(over), context.Cause(ctx))
		}
	}
	return len(over), nil
}

func (e *Elector) beginResign(group, successor string) (over <-chan struct{}, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.mu.candidates[group]
	if c == nil || c.holding == nil || c.resign == nil || !c.holding.valid() {
		return nil, ErrNotLeading
	}
	if successor != "" {
		m, there := c.holding.session.view.members[successor]
		if !there || m.Observer || successor == e.cfg.Instance {
			return nil, fmt.Errorf("successor %q: %w", successor, ErrNoSuchMember)
		}
	}
	c.successor = successor
	c.out = time.Now().Add(earlyPause) // not back to this process at once
	c.resign()
	return c.holding.over, nil
}

// Member is a process that takes part in elections, or watches them.
type Member struct {
	Instance    string    `json:"instance"`
	Incarnation string    `json:"incarnation"`
	Host        string    `json:"host,omitempty"`
	Version     string    `json:"version,omitempty"`
	Since       time.Time `json:"since"`
	Candidate   bool      `json:"candidate"`
	Leads       []string  `json:"leads,omitempty"` // groups
}

// Members reports who is there and who leads what, with one linearizable read.
func (e *Elector) Members(ctx context.Context) ([]Member, error) {
	from, to := e.cfg.watched()
	resp, err := e.client.Get(ctx, from, clientv3.WithRange(to))
	if err != nil {
		return nil, fmt.Errorf("members: %w", err)
	}
	v := newView(e.cfg)
	for _, kv := range resp.Kvs {
		v.put(kv)
	}
	var out []Member
	for instance, m := range v.members {
		out = append(out, Member{
			Instance: instance, Incarnation: m.Incarnation, Host: m.Host, Version: m.Version, Since: m.Since,
			Candidate: !m.Observer, Leads: v.leads(m.Incarnation),
		})
	}
	slices.SortFunc(out, func(a, b Member) int { return strings.Compare(a.Instance, b.Instance) })
	return out, nil
}

func (v *view) leads(incarnation string) []string {
	var groups []string
	for group, o := range v.owners {
		if o.Incarnation == incarnation {
			groups = append(groups, group)
		}
	}
	slices.Sort(groups)
	return groups
}

// Observe calls seen with who leads group, first as it is and then at every
// change, until ctx ends; ok is false while nobody does. It returns the cause of
// ctx's end. Troubles with etcd are sat out: the last answer may be old then.
func (e *Elector) Observe(ctx context.Context, group string, seen func(t election.Term, ok bool)) error {
	if err := election.ValidateGroup(group); err != nil {
		return err
	}
	var last election.Term
	first := true
	report := func(t election.Term) {
		if first || t != last {
			first, last = false, t
			seen(t, t != election.Term{})
		}
	}
	for ctx.Err() == nil {
		e.observeOnce(ctx, group, report)
		_ = wait(ctx, 100*time.Millisecond)
	}
	return context.Cause(ctx)
}

// observeOnce lists and watches until the watch breaks.
func (e *Elector) observeOnce(ctx context.Context, group string, report func(election.Term)) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	key := e.cfg.ownerKey(group)
	listCtx, cancelList := context.WithTimeout(ctx, attemptTimeout(e.cfg.TTL))
	defer cancelList()
	list, err := e.client.Get(listCtx, key)
	if err != nil {
		return
	}
	term := election.Term{}
	for _, kv := range list.Kvs {
		term = termOf(group, kv.Value, kv.ModRevision)
	}
	report(term)
	for resp := range e.client.Watch(clientv3.WithRequireLeader(ctx), key, clientv3.WithRev(list.Header.Revision+1)) {
		if resp.Err() != nil {
			return
		}
		for _, event := range resp.Events {
			if event.Type == clientv3.EventTypeDelete {
				report(election.Term{})
			} else {
				report(termOf(group, event.Kv.Value, event.Kv.ModRevision))
			}
		}
	}
}

func termOf(group string, value []byte, revision int64) election.Term {
	var o ownerRecord
	if json.Unmarshal(value, &o) != nil {
		return election.Term{}
	}
	return election.Term{Group: group, Leader: o.Instance, Token: revision}
}
