// Package memelection is the election adapter for one process: its electors
// share a Cluster in memory.
//
// It is for tests, for running a job once from the command line, and for a
// service that runs as a single replica on purpose. It is no substitute for a
// store where there are several processes: each would lead.
//
// Invariant: a group has at most one owner, and the next one begins only after
// the former's lead has returned or its term was lost.
package memelection

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/internal/proof"
)

// Cluster is the state that its electors share.
type Cluster struct {
	mu struct {
		sync.Mutex
		token  int64
		groups map[string]*group
	}
}

// group is guarded by Cluster.mu.
type group struct {
	owner   *holding
	waiting []*candidate // in the order of arrival
}

type candidate struct {
	elector *Elector
	wins    chan *holding // holds at most one
}

type holding struct {
	candidate *candidate
	term      election.Term
	tenure    *proof.Context
	wanted    chan struct{}
	asked     bool
}

// NewCluster returns a cluster in which nobody leads.
func NewCluster() *Cluster {
	c := &Cluster{}
	c.mu.groups = map[string]*group{}
	return c
}

// Elector is one member. Its methods are safe for concurrent use.
type Elector struct {
	cluster  *Cluster
	instance string
	closing  context.Context
	stop     context.CancelFunc
	leads    sync.WaitGroup
}

// Member returns an elector that campaigns as instance.
func (c *Cluster) Member(instance string) *Elector {
	e := &Elector{cluster: c, instance: instance}
	e.closing, e.stop = context.WithCancel(context.Background())
	return e
}

// Expire ends the term of group's leader with election.ErrLost, as an expired
// lease does, and lets the next candidate begin. It reports whether anybody led.
func (c *Cluster) Expire(groupName string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.mu.groups[groupName]
	if g == nil || g.owner == nil {
		return false
	}
	g.owner.tenure.End(election.ErrLost)
	g.owner = nil
	c.next(groupName, g)
	return true
}

// Want tells the leader of group that another member should lead it (see
// election.Wanted). It reports whether anybody led.
func (c *Cluster) Want(groupName string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.mu.groups[groupName]
	if g == nil || g.owner == nil {
		return false
	}
	if !g.owner.asked {
		g.owner.asked = true
		close(g.owner.wanted)
	}
	return true
}

// Close ends the member's terms gracefully and waits until every Lead has
// returned.
func (e *Elector) Close() {
	e.cluster.mu.Lock()
	e.stop()
	e.cluster.mu.Unlock()
	e.leads.Wait()
}

// Lead implements election.Elector.
func (e *Elector) Lead(ctx context.Context, groupName string, lead func(context.Context, election.Term)) error {
	if err := election.ValidateGroup(groupName); err != nil {
		return err
	}
	self := &candidate{elector: e, wins: make(chan *holding, 1)}
	if err := e.cluster.enter(groupName, self); err != nil {
		return err
	}
	defer e.leads.Done()
	defer e.cluster.leave(groupName, self)
	for {
		// Checked alone first: of several ready cases select takes any, and no
		// term may begin after the end.
		if ctx.Err() != nil {
			return nil
		}
		if e.closing.Err() != nil {
			return election.ErrClosed
		}
		select {
		case <-ctx.Done():
			return nil
		case <-e.closing.Done():
			return election.ErrClosed
		case h := <-self.wins:
			e.serve(ctx, h, lead)
			e.cluster.release(groupName, h)
			e.cluster.wait(groupName, self)
		}
	}
}

func (e *Elector) serve(ctx context.Context, h *holding, lead func(context.Context, election.Term)) {
	tenure := proof.NewContext(values{h.tenure, ctx}, func() bool { return h.tenure.Err() == nil })
	defer context.AfterFunc(h.tenure, func() { tenure.End(context.Cause(h.tenure)) })()
	term, resign := context.WithCancelCause(election.WithWanted(election.WithTenure(tenure, tenure), h.wanted))
	resigned := func() { resign(election.ErrResigned) }
	defer context.AfterFunc(ctx, resigned)()
	defer context.AfterFunc(e.closing, resigned)()
	defer tenure.End(election.ErrResigned)
	defer resigned()
	if tenure.Err() == nil {
		lead(term, h.term)
	}
}

// values takes its end from one context and its values from another.
type values struct {
	context.Context
	from context.Context
}

func (v values) Value(key any) any { return v.from.Value(key) }

// Leader implements election.Elector.
func (e *Elector) Leader(_ context.Context, groupName string) (election.Term, bool, error) {
	if err := election.ValidateGroup(groupName); err != nil {
		return election.Term{}, false, err
	}
	e.cluster.mu.Lock()
	defer e.cluster.mu.Unlock()
	if g := e.cluster.mu.groups[groupName]; g != nil && g.owner != nil {
		return g.owner.term, true, nil
	}
	return election.Term{}, false, nil
}

func (c *Cluster) enter(name string, self *candidate) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if self.elector.closing.Err() != nil {
		return election.ErrClosed
	}
	g := c.mu.groups[name]
	if g == nil {
		g = &group{}
		c.mu.groups[name] = g
	}
	same := func(other *candidate) bool { return other.elector == self.elector }
	if slices.ContainsFunc(g.waiting, same) || g.owner != nil && same(g.owner.candidate) {
		return fmt.Errorf("group %q: %w", name, election.ErrCampaigning)
	}
	self.elector.leads.Add(1)
	g.waiting = append(g.waiting, self)
	c.next(name, g)
	return nil
}

// wait queues a candidate again after its term.
func (c *Cluster) wait(name string, self *candidate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.mu.groups[name]
	g.waiting = append(g.waiting, self)
	c.next(name, g)
}

func (c *Cluster) leave(name string, self *candidate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.mu.groups[name]
	g.waiting = slices.DeleteFunc(g.waiting, func(other *candidate) bool { return other == self })
	if g.owner != nil && g.owner.candidate == self {
		g.owner.tenure.End(election.ErrResigned)
		g.owner = nil
		c.next(name, g)
	}
}

func (c *Cluster) release(name string, h *holding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.mu.groups[name]
	h.tenure.End(election.ErrResigned)
	if g.owner == h {
		g.owner = nil
		c.next(name, g)
	}
}

// next gives a free group to who has waited longest. Cluster.mu is held.
func (c *Cluster) next(name string, g *group) {
	if g.owner != nil || len(g.waiting) == 0 {
		return
	}
	winner := g.waiting[0]
	g.waiting = g.waiting[1:]
	c.mu.token++
	h := &holding{
		candidate: winner,
		term:      election.Term{Group: name, Leader: winner.elector.instance, Token: c.mu.token},
		tenure:    proof.NewContext(context.Background(), func() bool { return true }),
		wanted:    make(chan struct{}),
	}
	g.owner = h
	select {
	case <-winner.wins: // a win it never took up, lost since
	default:
	}
	winner.wins <- h
}

var _ election.Elector = (*Elector)(nil)
