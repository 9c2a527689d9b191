// Package electiontest is the contract of election.Elector as a test suite.
//
// An adapter's own test calls Run with a way to make members of one cluster and
// a way to take leadership from one of them. What the suite does not check is how
// long anything takes, and what happens when the adapter's store fails; both
// belong to the adapter.
package electiontest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/platform/election"
)

// Cluster makes members that compete with each other. Run makes one per test.
type Cluster struct {
	// Member returns a running elector; stop ends it gracefully and returns when
	// it is closed.
	Member func(t *testing.T, instance string) (e election.Elector, stop func())
	// Lose makes the leader of group lose it, as if its lease had expired, while
	// the leader keeps running. It may return before the leader knows.
	Lose func(t *testing.T, group string)
}

// patience is how long anything may take before a test gives up on it.
const patience = 20 * time.Second

// Run checks an adapter against the contract.
func Run(t *testing.T, cluster func(t *testing.T) Cluster) {
	for name, test := range map[string]func(*testing.T, Cluster){
		"a single member leads":                     singleMember,
		"one leads at a time, tokens grow":          oneAtATime,
		"a graceful end waits for lead":             gracefulEnd,
		"losing the lead ends the work":             loss,
		"losing the lead while draining":            lossWhileDraining,
		"a lost member campaigns again":             campaignsAgain,
		"a lead that returns gives up the term":     earlyReturn,
		"many groups on one member":                 manyGroups,
		"a group is led by one Lead per member":     duplicateGroup,
		"invalid groups are refused":                invalidGroup,
		"a closed elector says so":                  closed,
		"closing resigns and waits":                 closingResigns,
		"an ended context leads nothing":            endedContext,
		"the values of the caller's context arrive": contextValues,
		"a panic in lead does not keep the group":   panicInLead,
		"members come and go, terms never overlap":  churn,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, cluster(t))
		})
	}
}

// term is one call of lead, held open until release is called.
type term struct {
	election.Term
	ctx  context.Context
	done chan struct{}
}

func (s *term) release() { close(s.done) }

func (s *term) tenure() context.Context { return election.Tenure(s.ctx) }

// campaign runs Lead in the background. Each term appears on terms and stays
// until it is released.
type campaign struct {
	terms  chan *term
	cancel context.CancelFunc
	result chan error
}

func lead(t *testing.T, e election.Elector, group string) *campaign {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	c := &campaign{terms: make(chan *term, 64), cancel: cancel, result: make(chan error, 1)}
	var open atomic.Int32
	go func() {
		c.result <- e.Lead(ctx, group, func(ctx context.Context, tm election.Term) {
			if open.Add(1) != 1 {
				t.Error("two leads at a time")
			}
			defer open.Add(-1)
			s := &term{Term: tm, ctx: ctx, done: make(chan struct{})}
			c.terms <- s
			<-s.done
		})
	}()
	t.Cleanup(cancel)
	return c
}

func (c *campaign) next(t *testing.T) *term {
	t.Helper()
	select {
	case s := <-c.terms:
		return s
	case err := <-c.result:
		t.Fatalf("Lead returned %v instead of leading", err)
	case <-time.After(patience):
		t.Fatal("no term began")
	}
	return nil
}

func (c *campaign) ended(t *testing.T) error {
	t.Helper()
	select {
	case err := <-c.result:
		return err
	case <-time.After(patience):
		t.Fatal("Lead did not return")
	}
	return nil
}

// end cancels a campaign whose last term is released or never began.
func (c *campaign) end(t *testing.T) {
	t.Helper()
	c.cancel()
	require.NoError(t, c.ended(t))
}

func ends(t *testing.T, ctx context.Context, cause error) { //nolint:revive // t first, as in the rest of this file
	t.Helper()
	select {
	case <-ctx.Done():
		require.ErrorIs(t, context.Cause(ctx), cause)
	case <-time.After(patience):
		t.Fatalf("context did not end, want %v", cause)
	}
}

func singleMember(t *testing.T, cluster Cluster) {
	e, _ := cluster.Member(t, "a")
	_, ok, err := e.Leader(t.Context(), "default")
	require.NoError(t, err)
	require.False(t, ok, "nobody campaigns yet")

	c := lead(t, e, "default")
	s := c.next(t)
	require.Equal(t, "default", s.Group)
	require.Equal(t, "a", s.Leader)
	require.Positive(t, s.Token)
	require.NoError(t, s.ctx.Err())
	require.NoError(t, s.tenure().Err())

	now, ok, err := e.Leader(t.Context(), "default")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, s.Term, now)
	s.release()
	c.end(t)
}

func oneAtATime(t *testing.T, cluster Cluster) {
	a, _ := cluster.Member(t, "a")
	b, _ := cluster.Member(t, "b")
	ca := lead(t, a, "default")
	first := ca.next(t)
	cb := lead(t, b, "default")

	ca.cancel()
	ends(t, first.ctx, election.ErrResigned)
	require.Empty(t, cb.terms, "the group is handed on only after lead has returned")
	first.release()
	require.NoError(t, ca.ended(t))

	second := cb.next(t)
	require.Equal(t, "b", second.Leader)
	require.Greater(t, second.Token, first.Token)
	second.release()
	cb.end(t)
}

func gracefulEnd(t *testing.T, cluster Cluster) {
	a, _ := cluster.Member(t, "a")
	ca := lead(t, a, "default")
	s := ca.next(t)
	work, cancel := context.WithCancel(s.tenure())
	defer cancel()

	ca.cancel()
	ends(t, s.ctx, election.ErrResigned)
	require.NoError(t, s.tenure().Err(), "admitted work may finish")
	require.NoError(t, work.Err())
	now, ok, err := a.Leader(t.Context(), "default")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, s.Term, now, "held while draining")

	s.release()
	require.NoError(t, ca.ended(t))
	ends(t, s.tenure(), election.ErrResigned)
	ends(t, work, election.ErrResigned)
}

func loss(t *testing.T, cluster Cluster) {
	a, _ := cluster.Member(t, "a")
	ca := lead(t, a, "default")
	s := ca.next(t)
	b, _ := cluster.Member(t, "b")
	cb := lead(t, b, "default")

	cluster.Lose(t, "default")
	ends(t, s.ctx, election.ErrLost)
	ends(t, s.tenure(), election.ErrLost)
	require.Error(t, s.tenure().Err())

	// It is b's or, once a's lead has returned, anybody's: but never the old term.
	s.release()
	var next *term
	select {
	case next = <-cb.terms:
	case next = <-ca.terms:
	case <-time.After(patience):
		t.Fatal("nobody leads")
	}
	require.Greater(t, next.Token, s.Token)
	next.release()
	ca.cancel()
	cb.cancel()
	drain(t, ca)
	drain(t, cb)
}

// drain releases what is still led until Lead has returned.
func drain(t *testing.T, c *campaign) {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case s := <-c.terms:
			s.release()
		case err := <-c.result:
			require.NoError(t, err)
			return
		case <-timeout:
			t.Fatal("Lead did not return")
		}
	}
}

func lossWhileDraining(t *testing.T, cluster Cluster) {
	a, _ := cluster.Member(t, "a")
	ca := lead(t, a, "default")
	s := ca.next(t)
	ca.cancel()
	ends(t, s.ctx, election.ErrResigned)
	require.NoError(t, s.tenure().Err())

	cluster.Lose(t, "default")
	ends(t, s.tenure(), election.ErrLost)
	require.ErrorIs(t, context.Cause(s.ctx), election.ErrResigned, "the first cause stays")
	s.release()
	require.NoError(t, ca.ended(t))
}

func campaignsAgain(t *testing.T, cluster Cluster) {
	a, _ := cluster.Member(t, "a")
	ca := lead(t, a, "default")
	first := ca.next(t)
	cluster.Lose(t, "default")
	ends(t, first.ctx, election.ErrLost)
	require.Empty(t, ca.terms, "not before lead has returned")
	first.release()
	second := ca.next(t)
	require.Greater(t, second.Token, first.Token)
	second.release()
	ca.cancel()
	drain(t, ca)
}

func earlyReturn(t *testing.T, cluster Cluster) {
	a, _ := cluster.Member(t, "a")
	ca := lead(t, a, "default")
	first := ca.next(t)
	first.release()
	second := ca.next(t)
	require.Greater(t, second.Token, first.Token)
	ends(t, first.tenure(), election.ErrResigned)
	second.release()
	ca.cancel()
	drain(t, ca)
}

func manyGroups(t *testing.T, cluster Cluster) {
	const groups = 150 // more than one etcd transaction holds
	a, _ := cluster.Member(t, "a")
	campaigns := make([]*campaign, groups)
	for i := range campaigns {
		campaigns[i] = lead(t, a, fmt.Sprintf("group-%d", i))
	}
	for i, c := range campaigns {
		s := c.next(t)
		require.Equal(t, fmt.Sprintf("group-%d", i), s.Group)
		s.release()
		c.cancel()
	}
	for _, c := range campaigns {
		drain(t, c)
	}
}

func duplicateGroup(t *testing.T, cluster Cluster) {
	a, _ := cluster.Member(t, "a")
	ca := lead(t, a, "default")
	s := ca.next(t)
	require.ErrorIs(t, a.Lead(t.Context(), "default", nil), election.ErrCampaigning)
	s.release()
	ca.cancel()
	drain(t, ca)

	again := lead(t, a, "default")
	again.next(t).release()
	again.cancel()
	drain(t, again)
}

func invalidGroup(t *testing.T, cluster Cluster) {
	a, _ := cluster.Member(t, "a")
	for _, group := range []string{"", "A", "a/b", "..", "ü", "a b", string(make([]byte, 64))} {
		require.ErrorContains(t, a.Lead(t.Context(), group, nil), "must match", group)
		_, _, err := a.Leader(t.Context(), group)
		require.ErrorContains(t, err, "must match", group)
	}
}

func closed(t *testing.T, cluster Cluster) {
	a, stop := cluster.Member(t, "a")
	waiting := lead(t, a, "default")
	waiting.next(t).release()
	stop()
	require.ErrorIs(t, waiting.ended(t), election.ErrClosed)
	require.ErrorIs(t, a.Lead(t.Context(), "other", nil), election.ErrClosed)
}

func closingResigns(t *testing.T, cluster Cluster) {
	a, stop := cluster.Member(t, "a")
	ca := lead(t, a, "default")
	s := ca.next(t)
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	ends(t, s.ctx, election.ErrResigned)
	require.NoError(t, s.tenure().Err())
	select {
	case <-stopped:
		t.Error("closed while lead was running")
	default:
	}
	s.release()
	require.ErrorIs(t, ca.ended(t), election.ErrClosed)
	select {
	case <-stopped:
	case <-time.After(patience):
		t.Fatal("close did not return")
	}
}

func endedContext(t *testing.T, cluster Cluster) {
	a, _ := cluster.Member(t, "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, a.Lead(ctx, "default", func(context.Context, election.Term) { t.Error("led") }))
}

func contextValues(t *testing.T, cluster Cluster) {
	type key struct{}
	a, _ := cluster.Member(t, "a")
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "v"))
	defer cancel()
	require.NoError(t, a.Lead(ctx, "default", func(ctx context.Context, _ election.Term) {
		if ctx.Value(key{}) != "v" || election.Tenure(ctx).Value(key{}) != "v" {
			t.Error("value did not arrive")
		}
		cancel()
	}))
}

func panicInLead(t *testing.T, cluster Cluster) {
	a, _ := cluster.Member(t, "a")
	b, _ := cluster.Member(t, "b")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = a.Lead(t.Context(), "default", func(context.Context, election.Term) { panic("job") })
	}()
	cb := lead(t, b, "default")
	cb.next(t).release()
	cb.cancel()
	drain(t, cb)
}

// churn hands one group around between members that come, go and lose it, and
// checks that no two tenures overlap and that tokens only grow.
func churn(t *testing.T, cluster Cluster) {
	const members, rounds = 3, 8
	var (
		mu      sync.Mutex
		held    int
		highest int64
		wg      sync.WaitGroup
	)
	for i := range members {
		e, _ := cluster.Member(t, fmt.Sprintf("m%d", i))
		wg.Go(func() {
			for range rounds {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				err := e.Lead(ctx, "default", func(_ context.Context, tm election.Term) {
					mu.Lock()
					if held++; held != 1 {
						t.Errorf("%d tenures at once", held)
					}
					if tm.Token <= highest {
						t.Errorf("token %d after %d", tm.Token, highest)
					}
					highest = tm.Token
					mu.Unlock()
					cancel()
					mu.Lock()
					held--
					mu.Unlock()
				})
				if err != nil && !errors.Is(err, election.ErrClosed) {
					t.Errorf("lead: %v", err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
}
