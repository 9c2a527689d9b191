package etcdelection_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/etcdelection"
	"example.com/baton/platform/etcdtest"
)

func ready(t *testing.T, e *etcdelection.Elector) {
	t.Helper()
	require.Eventually(t, func() bool { return e.Ready(t.Context()) == nil }, patience, time.Millisecond)
}

func TestResignHandsOnToWhomItSays(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	client := server.Client(t)
	a, _ := member(t, client, etcdelection.Config{Instance: "a"})
	terms, stopA := campaign(t, a, "default")
	one := receive(t, terms, "term of a")
	others := map[string]<-chan term{}
	for _, instance := range []string{"b", "c", "d"} {
		e, _ := member(t, client, etcdelection.Config{Instance: instance})
		ready(t, e)
		var stop func()
		others[instance], stop = campaign(t, e, "default")
		t.Cleanup(stop)
		require.ErrorIs(t, e.Resign(t.Context(), "default", ""), etcdelection.ErrNotLeading)
	}
	require.Eventually(t, func() bool {
		members, err := a.Members(t.Context())
		return err == nil && len(members) == 4
	}, patience, time.Millisecond)
	require.ErrorIs(t, a.Resign(t.Context(), "default", "nobody"), etcdelection.ErrNoSuchMember)
	require.ErrorIs(t, a.Resign(t.Context(), "default", "a"), etcdelection.ErrNoSuchMember)
	require.ErrorIs(t, a.Resign(t.Context(), "other", ""), etcdelection.ErrNotLeading)
	require.NoError(t, one.ctx.Err())

	done := make(chan error, 1)
	go func() {
		for {
			// What Members reads from etcd may not have reached a's own view yet.
			if err := a.Resign(t.Context(), "default", "c"); !errors.Is(err, etcdelection.ErrNoSuchMember) {
				done <- err
				return
			}
		}
	}()
	receive(t, one.ctx.Done(), "end of admission")
	require.ErrorIs(t, context.Cause(one.ctx), election.ErrResigned)
	require.NoError(t, election.Tenure(one.ctx).Err(), "there is time to drain")
	one.release()
	require.NoError(t, receive(t, done, "resignation"))
	two := receive(t, others["c"], "term of c")
	require.Greater(t, two.Token, one.Token)
	two.release()
	stopA()
}

func TestResignIsBoundByItsContextNotTheHandingOn(t *testing.T) {
	t.Parallel()
	client := etcdtest.Start(t).Client(t)
	a, _ := member(t, client, etcdelection.Config{Instance: "a"})
	terms, stop := campaign(t, a, "default")
	one := receive(t, terms, "term")
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	require.ErrorIs(t, a.Resign(ctx, "default", ""), context.DeadlineExceeded)
	require.ErrorIs(t, context.Cause(one.ctx), election.ErrResigned)
	one.release()
	two := receive(t, terms, "another term, as nobody else is there")
	require.Greater(t, two.Token, one.Token)
	two.release()
	stop()
}

func TestResignAll(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	a, _ := member(t, server.Client(t), etcdelection.Config{Instance: "a", Settle: -1})
	groups := []string{"one", "two", "three"}
	leadAll(t, a, groups)
	require.Eventually(t, func() bool { return shares(t, a)["a"] == 3 }, patience, time.Millisecond)
	b, _ := member(t, server.Client(t), etcdelection.Config{Instance: "b", Settle: -1})
	ready(t, b)
	leadAll(t, b, groups[:2])
	require.Eventually(t, func() bool { return len(shares(t, a)) == 2 }, patience, time.Millisecond)

	n, err := a.ResignAll(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, n)
	// The third comes back: b is handed it, does not want it, and gives it back.
	require.Eventually(t, func() bool { by := shares(t, a); return by["b"] == 2 && by["a"] == 1 }, patience, time.Millisecond)
	n, err = b.ResignAll(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, n)
}

func TestAnObserverNeverLeads(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	o, _ := member(t, server.Client(t), etcdelection.Config{Instance: "o", Observer: true, Listen: "127.0.0.1:0"})
	none, stopO := campaign(t, o, "default")
	ready(t, o)
	seen := make(chan election.Term, 16)
	ctx, cancel := context.WithCancel(t.Context())
	observed := make(chan error, 1)
	go func() {
		observed <- o.Observe(ctx, "default", func(t election.Term, ok bool) {
			if ok == (t == election.Term{}) {
				panic("ok must tell whether somebody leads")
			}
			seen <- t
		})
	}()
	require.Zero(t, receive(t, seen, "nobody leads"))

	a, _ := member(t, server.Client(t), etcdelection.Config{Instance: "a", Listen: "127.0.0.1:0"})
	terms, stopA := campaign(t, a, "default")
	one := receive(t, terms, "term of a")
	require.Equal(t, one.Term, receive(t, seen, "a leads"))
	members, err := o.Members(t.Context())
	require.NoError(t, err)
	require.Len(t, members, 2)
	require.True(t, members[0].Candidate)
	require.Equal(t, []string{"default"}, members[0].Leads)
	require.False(t, members[1].Candidate)
	require.Empty(t, members[1].Leads)

	one.release()
	stopA()
	require.Zero(t, receive(t, seen, "nobody leads"), "the observer is no successor")
	require.Empty(t, none)
	cancel()
	require.ErrorIs(t, receive(t, observed, "end"), context.Canceled)
	stopO()
}
