package etcdledger_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/pathelection"
	"example.com/baton/platform/etcdtest"
	"example.com/baton/platform/scheduling"
	"example.com/baton/platform/scheduling/etcdledger"
)

// contender is an elector at the path, and a ledger that is fenced by it.
func contender(t *testing.T, client *clientv3.Client, instance string) (scheduling.Ledger, <-chan election.Term) {
	t.Helper()
	e, err := pathelection.New(client, pathelection.Config{
		Path: pathelection.At("default", "/shared/path"), Instance: instance, TTL: 5 * time.Second,
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ran, led := make(chan error, 1), make(chan error, 1)
	terms := make(chan election.Term, 8)
	go func() { ran <- e.Run(ctx) }()
	go func() {
		led <- e.Lead(ctx, "default", func(ctx context.Context, term election.Term) {
			terms <- term
			<-ctx.Done()
		})
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-led)
		require.NoError(t, <-ran)
	})
	return etcdledger.New(client, etcdledger.Config{Base: "/baton/x", Fence: e.Fence}), terms
}

func TestStaleLeaderAtAPathClaimsNothing(t *testing.T) {
	t.Parallel()
	client := etcdtest.Start(t).Client(t)
	job := scheduling.Describe(scheduling.Job{Name: "job", Group: "default", Schedule: scheduling.Every(time.Hour)})
	due := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	claim := func(ledger scheduling.Ledger, term election.Term) error {
		due = due.Add(time.Hour)
		_, err := ledger.Claim(t.Context(), term, job, scheduling.Record{
			V: 1, Job: "job", Group: "default", Due: due, State: scheduling.StateRunning, Attempt: 1, Token: term.Token, Instance: term.Leader,
		})
		return err
	}
	old, oldTerms := contender(t, client, "old")
	stale := <-oldTerms
	require.NoError(t, claim(old, stale))
	next, nextTerms := contender(t, client, "next")

	// etcd ends the lease before the leader notices anything.
	resp, err := client.Get(t.Context(), "/shared/path/", clientv3.WithFirstCreate()...)
	require.NoError(t, err)
	_, err = client.Revoke(t.Context(), clientv3.LeaseID(resp.Kvs[0].Lease))
	require.NoError(t, err)
	require.ErrorIs(t, claim(old, stale), election.ErrLost)

	var current election.Term
	select {
	case current = <-nextTerms:
		require.NoError(t, claim(next, current))
		require.ErrorIs(t, claim(next, stale), election.ErrLost)
	case current = <-oldTerms: // next had no place in the queue yet
		require.NoError(t, claim(old, current))
	}
	require.ErrorIs(t, claim(old, stale), election.ErrLost)
	require.Greater(t, current.Token, stale.Token)
	require.ErrorIs(t, claim(old, election.Term{Group: "default"}), election.ErrLost, "no term at all")
}
