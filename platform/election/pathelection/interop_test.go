package pathelection_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/pathelection"
	"example.com/baton/platform/etcdtest"
)

// contend takes a place at the path as etcdctl elect and gocron-etcd-elector do.
func contend(t *testing.T, client *clientv3.Client, name string) (e *concurrency.Election, s *concurrency.Session, won <-chan error) {
	t.Helper()
	s, err := concurrency.NewSession(client, concurrency.WithTTL(5))
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	e = concurrency.NewElection(s, path)
	done := make(chan error, 1)
	go func() { done <- e.Campaign(context.WithoutCancel(t.Context()), name) }()
	return e, s, done
}

func TestWaitsForAnotherKindOfLeader(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(context.Context, *concurrency.Election, *concurrency.Session) error{
		"that resigns": func(ctx context.Context, e *concurrency.Election, _ *concurrency.Session) error { return e.Resign(ctx) },
		"that closes":  func(_ context.Context, _ *concurrency.Election, s *concurrency.Session) error { return s.Close() },
		"whose lease expires": func(_ context.Context, _ *concurrency.Election, s *concurrency.Session) error {
			s.Orphan()
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := etcdtest.Start(t).Client(t)
			old, session, won := contend(t, client, "old")
			require.NoError(t, receive(t, won, "win of the old kind"))
			e, _ := member(t, client, pathelection.Config{Instance: "new"})
			terms, stop := campaign(t, e)
			candidates(t, client, 2)
			now, ok, err := e.Leader(t.Context(), group)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, election.Term{Group: group, Leader: "old", Token: old.Rev()}, now)
			require.Empty(t, terms)

			require.NoError(t, end(t.Context(), old, session))
			one := receive(t, terms, "term")
			require.Greater(t, one.Token, now.Token)
			one.release()
			stop()
		})
	}
}

func TestAnotherKindWaitsForThisLeader(t *testing.T) {
	t.Parallel()
	client := etcdtest.Start(t).Client(t)
	e, _ := member(t, client, pathelection.Config{Instance: "new"})
	terms, stop := campaign(t, e)
	one := receive(t, terms, "term")

	old, _, won := contend(t, client, "old")
	candidates(t, client, 2)
	resp, err := old.Leader(t.Context())
	require.NoError(t, err)
	require.Equal(t, "new", string(resp.Kvs[0].Value))

	ended := make(chan struct{})
	go func() { stop(); close(ended) }()
	receive(t, one.ctx.Done(), "end of the term")
	require.ErrorIs(t, context.Cause(one.ctx), election.ErrResigned)
	select {
	case <-won:
		t.Error("won while the term was draining")
	default:
	}
	one.release()
	require.NoError(t, receive(t, won, "win of the old kind"))
	require.Greater(t, old.Rev(), one.Token)
	receive(t, ended, "end of the campaign")
}

// Contenders of both kinds come and go at one path. Whoever leads must be alone.
func TestBothKindsTakeTurns(t *testing.T) {
	t.Parallel()
	const rounds = 15
	client := etcdtest.Start(t).Client(t)
	var (
		mu      sync.Mutex
		holder  string
		highest int64
		turns   = map[string]int{}
		wg      sync.WaitGroup
	)
	act := func(kind string, token int64) {
		mu.Lock()
		if holder != "" {
			t.Errorf("%s leads beside %s", kind, holder)
		}
		if token <= highest {
			t.Errorf("token %d of %s after %d", token, kind, highest)
		}
		holder, highest = kind, token
		turns[kind]++
		mu.Unlock()
		_, _ = client.Get(t.Context(), "/") // long enough for another to come in
		mu.Lock()
		holder = ""
		mu.Unlock()
	}
	for i := range 3 {
		e, _ := member(t, client, pathelection.Config{Instance: fmt.Sprintf("new%d", i)})
		wg.Go(func() {
			for range rounds {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				err := e.Lead(ctx, group, func(_ context.Context, tm election.Term) {
					act("new", tm.Token)
					cancel()
				})
				if err != nil || !errors.Is(ctx.Err(), context.Canceled) {
					t.Errorf("lead: %v, %v", err, ctx.Err())
				}
				cancel()
			}
		})
		wg.Go(func() {
			s, err := concurrency.NewSession(client, concurrency.WithTTL(5))
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = s.Close() }()
			for range rounds {
				old := concurrency.NewElection(s, path)
				if err := old.Campaign(t.Context(), fmt.Sprintf("old%d", i)); err != nil {
					t.Error(err)
					return
				}
				act("old", old.Rev())
				if err := old.Resign(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, map[string]int{"new": 3 * rounds, "old": 3 * rounds}, turns)
}

// The old kind goes on acting in an outage; this one must have stopped by the time
// anybody else can lead.
func TestLosesToAnotherKindOnlyAfterItsOwnDeadline(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	cut := server.Client(t)
	cut.Lease = &lease{Lease: cut.Lease, cut: true, answer: func(ctx context.Context) { <-ctx.Done() }}
	e, _ := member(t, cut, pathelection.Config{Instance: "new", TTL: 2 * time.Second})
	terms, stop := campaign(t, e)
	one := receive(t, terms, "term")

	_, _, won := contend(t, server.Client(t), "old")
	require.NoError(t, receive(t, won, "win of the old kind"))
	tenure := election.Tenure(one.ctx)
	require.Error(t, tenure.Err(), "another leads while the tenure is valid")
	require.ErrorIs(t, context.Cause(tenure), election.ErrLost)
	one.release()
	stop()
}
