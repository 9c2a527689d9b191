package etcdelection_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/etcdelection"
	"example.com/baton/platform/etcdtest"
)

const patience = 20 * time.Second

// term is one term, held until release is called.
type term struct {
	election.Term
	ctx     context.Context
	release func()
}

// campaign leads group in the background and hands out each term.
func campaign(t *testing.T, e election.Elector, group string) (terms <-chan term, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	out, done := make(chan term, 16), make(chan struct{})
	stopping := make(chan struct{}) // a lead that nobody releases any more must not keep the test from ending
	go func() {
		defer close(done)
		err := e.Lead(ctx, group, func(ctx context.Context, tm election.Term) {
			released := make(chan struct{})
			out <- term{tm, ctx, func() { close(released) }}
			select {
			case <-released:
			case <-stopping:
			}
		})
		if err != nil && !errors.Is(err, election.ErrClosed) {
			t.Errorf("lead: %v", err)
		}
	}()
	var once sync.Once
	stop = func() {
		cancel()
		once.Do(func() { close(stopping) })
		<-done
	}
	t.Cleanup(stop)
	return out, stop
}

func receive[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("%s: nothing within %s", what, patience)
		panic("unreachable")
	}
}

// lease counts renewals and can stand in the way of their answers.
type lease struct {
	clientv3.Lease
	renewals atomic.Int64
	renewed  chan struct{}
	answer   func(context.Context) // called before an answer is passed on
}

func (l *lease) KeepAliveOnce(ctx context.Context, id clientv3.LeaseID) (*clientv3.LeaseKeepAliveResponse, error) {
	resp, err := l.Lease.KeepAliveOnce(ctx, id)
	if err == nil {
		l.renewals.Add(1)
		select {
		case l.renewed <- struct{}{}:
		default:
		}
	}
	if l.answer != nil {
		l.answer(ctx)
	}
	return resp, err
}

func TestConfigIsCheckedWhole(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg   etcdelection.Config
		wants []string
	}{
		"everything":   {etcdelection.Config{Base: "x/"}, []string{"base", "instance", "ttl 0s"}},
		"sub-second":   {etcdelection.Config{Base: "/x", Instance: "a", TTL: 500 * time.Millisecond}, []string{"at least 1s"}},
		"fraction":     {etcdelection.Config{Base: "/x", Instance: "a", TTL: 2500 * time.Millisecond}, []string{"whole seconds"}},
		"thirty nanos": {etcdelection.Config{Base: "/x", Instance: "a", TTL: 30}, []string{"ttl 30ns", "at least 1s"}},
		"days":         {etcdelection.Config{Base: "/x", Instance: "a", TTL: 72 * time.Hour}, []string{"at most 24h"}},
		"slash":        {etcdelection.Config{Base: "/x", Instance: "a/b", TTL: 5 * time.Second}, []string{"instance"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := etcdelection.New(nil, c.cfg)
			for _, want := range c.wants {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

// An idle fleet must not write: a renewal is no raft proposal, and nothing else
// happens.
func TestIdleFleetProposesNothing(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	var leases []*lease
	var leaders int
	for _, instance := range []string{"a", "b", "c"} {
		client := server.Client(t)
		l := &lease{Lease: client.Lease, renewed: make(chan struct{}, 1)}
		client.Lease = l
		leases = append(leases, l)
		e, _ := member(t, client, etcdelection.Config{Instance: instance, TTL: 2 * time.Second})
		for _, group := range []string{"one", "two", "three"} {
			terms, stop := campaign(t, e, group)
			t.Cleanup(stop)
			if instance == "a" {
				tm := receive(t, terms, "term")
				t.Cleanup(tm.release)
				leaders++
			}
		}
		receive(t, l.renewed, "renewal")
	}
	require.Equal(t, 3, leaders)

	client := server.Client(t)
	index := func() uint64 {
		status, err := client.Status(t.Context(), server.Endpoint)
		require.NoError(t, err)
		return status.RaftIndex
	}
	before := index()
	for range 4 {
		for _, l := range leases {
			receive(t, l.renewed, "renewal")
		}
	}
	require.Equal(t, before, index())
}

func TestOneRenewalPerProcessWhateverTheNumberOfGroups(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	client := server.Client(t)
	l := &lease{Lease: client.Lease, renewed: make(chan struct{}, 64)}
	client.Lease = l
	e, _ := member(t, client, etcdelection.Config{Instance: "a", TTL: 2 * time.Second})
	var first time.Time
	for i := range 20 {
		terms, stop := campaign(t, e, string(rune('a'+i)))
		t.Cleanup(stop)
		t.Cleanup(receive(t, terms, "term").release)
	}
	receive(t, l.renewed, "renewal")
	first, start := time.Now(), l.renewals.Load()
	for range 4 {
		receive(t, l.renewed, "renewal")
	}
	perTTL := float64(l.renewals.Load()-start) / (time.Since(first).Seconds() / 2)
	require.LessOrEqual(t, perTTL, 4.5, "renewals per TTL")
}

func TestASecondProcessWithTheSameNameWaits(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	first, stopFirst := member(t, server.Client(t), etcdelection.Config{Instance: "same"})
	terms, stop := campaign(t, first, "default")
	one := receive(t, terms, "term")

	second, _ := member(t, server.Client(t), etcdelection.Config{Instance: "same"})
	others, stopOther := campaign(t, second, "default")
	require.Eventually(t, func() bool {
		err := second.Ready(t.Context())
		return err != nil && strings.Contains(err.Error(), "in use by another process")
	}, patience, 10*time.Millisecond)
	require.NoError(t, one.ctx.Err())
	require.Empty(t, others)

	one.release()
	stop()
	stopFirst()
	two := receive(t, others, "term of the second process")
	require.Greater(t, two.Token, one.Token)
	two.release()
	stopOther()
}

// With etcd gone the leader must stop by its own clock, before anybody else can
// have begun, and go on by itself once etcd is back.
func TestOutageOfEtcd(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	client := server.Client(t)
	e, _ := member(t, client, etcdelection.Config{Instance: "a", TTL: 2 * time.Second})
	terms, stop := campaign(t, e, "default")
	one := receive(t, terms, "term")
	tenure := election.Tenure(one.ctx)

	down := time.Now()
	server.Stop()
	receive(t, tenure.Done(), "end of the tenure")
	receive(t, one.ctx.Done(), "end of the term")
	require.Less(t, time.Since(down), 2*time.Second, "by its own deadline, not by the server's")
	require.ErrorIs(t, context.Cause(tenure), election.ErrLost)
	require.ErrorIs(t, context.Cause(one.ctx), election.ErrLost)
	require.Error(t, e.Ready(t.Context()))
	one.release()

	server.Restart(t)
	two := receive(t, terms, "term after the outage")
	require.Greater(t, two.Token, one.Token)
	require.NoError(t, e.Ready(t.Context()))
	two.release()
	stop()
	_, err := client.Get(t.Context(), "/", clientv3.WithCountOnly())
	require.NoError(t, err, "the client is the caller's, and open")
}

func TestUnreachableEtcdAtTheStartIsAState(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	client := server.Client(t)
	server.Stop()
	e, _ := member(t, client, etcdelection.Config{Instance: "a", TTL: 2 * time.Second})
	terms, stop := campaign(t, e, "default")
	require.Error(t, e.Ready(t.Context()))
	require.Empty(t, terms)
	server.Restart(t)
	receive(t, terms, "term").release()
	stop()
}

// An answer that waited in a socket while the process was paused proves nothing
// about now.
func TestAnAnswerAfterTheDeadlineEndsTheSession(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	client := server.Client(t)
	held := make(chan struct{})
	var once atomic.Bool
	client.Lease = &lease{Lease: client.Lease, renewed: make(chan struct{}), answer: func(context.Context) {
		if once.CompareAndSwap(false, true) {
			<-held // past the deadline, although the answer says the lease is fine
		}
	}}
	e, _ := member(t, client, etcdelection.Config{Instance: "a", TTL: 2 * time.Second})
	terms, stop := campaign(t, e, "default")
	one := receive(t, terms, "term")
	receive(t, election.Tenure(one.ctx).Done(), "end of the tenure")
	receive(t, one.ctx.Done(), "end of the term")
	require.ErrorIs(t, context.Cause(one.ctx), election.ErrLost)
	close(held)
	one.release()
	two := receive(t, terms, "another term")
	require.Greater(t, two.Token, one.Token)
	two.release()
	stop()
}

func TestRecordsRemovedByHand(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(context.Context, *clientv3.Client) error{
		"owner record": func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.Delete(ctx, base+"/owners/default")
			return err
		},
		"member record": func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.Delete(ctx, base+"/members/a")
			return err
		},
		"owner record replaced": func(ctx context.Context, c *clientv3.Client) error {
			if _, err := c.Put(ctx, base+"/owners/default", "{}"); err != nil {
				return err
			}
			_, err := c.Delete(ctx, base+"/owners/default")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := etcdtest.Start(t).Client(t)
			e, _ := member(t, client, etcdelection.Config{Instance: "a"})
			terms, stop := campaign(t, e, "default")
			one := receive(t, terms, "term")
			require.NoError(t, remove(t.Context(), client))
			receive(t, election.Tenure(one.ctx).Done(), "end of the tenure")
			receive(t, one.ctx.Done(), "end of the term")
			require.ErrorIs(t, context.Cause(one.ctx), election.ErrLost)
			one.release()
			two := receive(t, terms, "another term")
			require.Greater(t, two.Token, one.Token)
			two.release()
			stop()
		})
	}
}

// The watch must outlive a compaction of what it has not seen yet.
func TestCompaction(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	client := server.Client(t)
	a, stopA := member(t, server.Client(t), etcdelection.Config{Instance: "a", TTL: 2 * time.Second})
	terms, _ := campaign(t, a, "default")
	one := receive(t, terms, "term")
	b, _ := member(t, server.Client(t), etcdelection.Config{Instance: "b", TTL: 2 * time.Second})
	others, stopB := campaign(t, b, "default")
	require.Eventually(t, func() bool { return b.Ready(t.Context()) == nil }, patience, 10*time.Millisecond)
	for range 20 {
		resp, err := client.Put(t.Context(), "/elsewhere", "x")
		require.NoError(t, err)
		_, err = client.Compact(t.Context(), resp.Header.Revision, clientv3.WithCompactPhysical())
		require.NoError(t, err)
	}
	one.release()
	stopA()
	two := receive(t, others, "term of the second process")
	two.release()
	stopB()
}

func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	client := etcdtest.Start(t).Client(t)
	e, stopMember := member(t, client, etcdelection.Config{Instance: "a"})
	terms, stop := campaign(t, e, "default")
	one := receive(t, terms, "term")
	require.Len(t, etcdtest.Keys(t.Context(), t, client, base), 2)
	one.release()
	stop()
	stopMember()
	require.Empty(t, etcdtest.Keys(t.Context(), t, client, base))
	leases, err := client.Leases(t.Context())
	require.NoError(t, err)
	require.Empty(t, leases.Leases)
}
