package pathelection_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/internal/etcdlease"
	"example.com/baton/platform/election/pathelection"
	"example.com/baton/platform/etcdtest"
)

// lease stands in the way of renewals.
type lease struct {
	clientv3.Lease
	cut    bool // renewals don't reach etcd
	answer func(context.Context)
}

func (l *lease) KeepAliveOnce(ctx context.Context, id clientv3.LeaseID) (*clientv3.LeaseKeepAliveResponse, error) {
	if l.cut {
		l.answer(ctx)
		return nil, context.Cause(ctx)
	}
	resp, err := l.Lease.KeepAliveOnce(ctx, id)
	l.answer(ctx)
	return resp, err
}

// txns lets the first n transactions through whose answers it then loses.
type txns struct {
	clientv3.KV
	lose atomic.Int64
}

func (k *txns) Txn(ctx context.Context) clientv3.Txn { return &txn{k.KV.Txn(ctx), k} }

type txn struct {
	clientv3.Txn
	k *txns
}

func (x *txn) If(c ...clientv3.Cmp) clientv3.Txn  { x.Txn = x.Txn.If(c...); return x }
func (x *txn) Then(o ...clientv3.Op) clientv3.Txn { x.Txn = x.Txn.Then(o...); return x }
func (x *txn) Else(o ...clientv3.Op) clientv3.Txn { x.Txn = x.Txn.Else(o...); return x }

func (x *txn) Commit() (*clientv3.TxnResponse, error) {
	resp, err := x.Txn.Commit()
	if err == nil && x.k.lose.Add(-1) >= 0 {
		return nil, errors.New("the answer got lost")
	}
	return resp, err
}

func TestLostAnswers(t *testing.T) {
	t.Parallel()
	client := etcdtest.Start(t).Client(t)
	kv := &txns{KV: client.KV}
	client.KV = kv
	kv.lose.Store(3) // the key is written, twice believed not to be, then looked for
	e, _ := member(t, client, pathelection.Config{Instance: "a"})
	terms, stop := campaign(t, e)
	one := receive(t, terms, "term")
	kv.lose.Store(2) // the key is deleted, and believed not to be
	one.release()
	two := receive(t, terms, "another term")
	require.Greater(t, two.Token, one.Token)
	two.release()
	stop()
	require.Empty(t, etcdtest.Keys(t.Context(), t, client, path))
}

// With etcd gone the leader must stop by its own clock, before anybody else can
// have begun, and go on by itself once etcd is back, without waiting for the lease
// that the outage kept alive.
func TestOutageOfEtcd(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	client := server.Client(t)
	e, _ := member(t, client, pathelection.Config{Instance: "a", TTL: 2 * time.Second})
	terms, stop := campaign(t, e)
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
	require.Len(t, etcdtest.Keys(t.Context(), t, client, path), 1, "the old lease was revoked")
	two.release()
	stop()
	_, err := client.Get(t.Context(), "/", clientv3.WithCountOnly())
	require.NoError(t, err, "the client is the caller's, and open")
}

// An answer that waited in a socket while the process was paused proves nothing
// about now.
func TestAnAnswerAfterTheDeadlineEndsTheSession(t *testing.T) {
	t.Parallel()
	client := etcdtest.Start(t).Client(t)
	held := make(chan struct{})
	var once atomic.Bool
	client.Lease = &lease{Lease: client.Lease, answer: func(context.Context) {
		if once.CompareAndSwap(false, true) {
			<-held
		}
	}}
	e, _ := member(t, client, pathelection.Config{Instance: "a", TTL: 2 * time.Second})
	answer := sync.OnceFunc(func() { close(held) })
	t.Cleanup(answer)
	terms, stop := campaign(t, e)
	one := receive(t, terms, "term")
	receive(t, election.Tenure(one.ctx).Done(), "end of the tenure")
	receive(t, one.ctx.Done(), "end of the term")
	require.Eventually(t, func() bool { return errors.Is(e.Ready(t.Context()), etcdlease.ErrDeadline) },
		patience, time.Millisecond, "while the renewal still hangs")
	require.ErrorIs(t, context.Cause(one.ctx), election.ErrLost)
	answer()
	one.release()
	two := receive(t, terms, "another term")
	require.Greater(t, two.Token, one.Token)
	two.release()
	stop()
}

func TestKeyRemovedByHand(t *testing.T) {
	t.Parallel()
	client := etcdtest.Start(t).Client(t)
	a, _ := member(t, client, pathelection.Config{Instance: "a"})
	b, _ := member(t, client, pathelection.Config{Instance: "b"})
	at, stopA := campaign(t, a)
	one := receive(t, at, "term")
	bt, stopB := campaign(t, b)
	candidates(t, client, 2)

	// One that waits takes its place again, at the end.
	resp, err := client.Get(t.Context(), path+"/", clientv3.WithLastCreate()...)
	require.NoError(t, err)
	_, err = client.Delete(t.Context(), string(resp.Kvs[0].Key))
	require.NoError(t, err)
	candidates(t, client, 2)
	require.NoError(t, one.ctx.Err())

	// One that leads has lost.
	_, err = client.Delete(t.Context(), path+"/", clientv3.WithPrefix())
	require.NoError(t, err)
	receive(t, election.Tenure(one.ctx).Done(), "end of the tenure")
	receive(t, one.ctx.Done(), "end of the term")
	require.ErrorIs(t, context.Cause(one.ctx), election.ErrLost)
	two := receive(t, bt, "term of b")
	require.Greater(t, two.Token, one.Token)
	one.release()
	two.release()
	stopA()
	stopB()
}

// The watches must outlive a compaction of what they have not seen yet.
func TestCompaction(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	client := server.Client(t)
	a, _ := member(t, server.Client(t), pathelection.Config{Instance: "a", TTL: 2 * time.Second})
	at, stopA := campaign(t, a)
	one := receive(t, at, "term")
	b, _ := member(t, server.Client(t), pathelection.Config{Instance: "b", TTL: 2 * time.Second})
	bt, stopB := campaign(t, b)
	candidates(t, client, 2)
	for range 20 {
		resp, err := client.Put(t.Context(), "/elsewhere", "x")
		require.NoError(t, err)
		_, err = client.Compact(t.Context(), resp.Header.Revision, clientv3.WithCompactPhysical())
		require.NoError(t, err)
	}
	require.NoError(t, one.ctx.Err())
	one.release()
	stopA()
	receive(t, bt, "term of b").release()
	stopB()
}

// A stale leader's writes are refused, also when it comes back on a new lease.
func TestFence(t *testing.T) {
	t.Parallel()
	client := etcdtest.Start(t).Client(t)
	write := func(e *pathelection.Elector, tm election.Term) bool {
		resp, err := client.Txn(t.Context()).If(e.Fence(tm)).Then(clientv3.OpPut("/written", "x")).Commit()
		require.NoError(t, err)
		return resp.Succeeded
	}
	a, _ := member(t, client, pathelection.Config{Instance: "a"})
	require.False(t, write(a, election.Term{Group: group}), "before any term")
	terms, stop := campaign(t, a)
	one := receive(t, terms, "term")
	require.True(t, write(a, one.Term))
	require.False(t, write(a, election.Term{Group: group}))
	require.False(t, write(a, election.Term{Group: group, Token: one.Token - 1}))
	require.False(t, write(a, election.Term{Group: "other", Token: one.Token}))

	resp, err := client.Get(t.Context(), path+"/", clientv3.WithFirstCreate()...)
	require.NoError(t, err)
	_, err = client.Revoke(t.Context(), clientv3.LeaseID(resp.Kvs[0].Lease))
	require.NoError(t, err)
	require.False(t, write(a, one.Term), "whether the leader knows yet or not")
	receive(t, one.ctx.Done(), "end of the term")
	one.release()
	two := receive(t, terms, "term on a new lease")
	require.True(t, write(a, two.Term))
	require.False(t, write(a, one.Term))
	two.release()
	stop()
	require.False(t, write(a, two.Term))
}

// A key without a lease never goes by itself. Somebody has to be told, and only
// then.
func TestSaysWhatBlocksThePath(t *testing.T) {
	t.Parallel()
	client := etcdtest.Start(t).Client(t)
	var said strings.Builder
	var mu sync.Mutex
	log := slog.New(slog.NewTextHandler(writer(func(p []byte) { mu.Lock(); defer mu.Unlock(); said.Write(p) }), nil))
	saw := func(text string) bool { mu.Lock(); defer mu.Unlock(); return strings.Contains(said.String(), text) }

	a, _ := member(t, client, pathelection.Config{Instance: "a"})
	at, stopA := campaign(t, a)
	one := receive(t, at, "term of a")
	b, _ := member(t, client, pathelection.Config{Instance: "b", Logger: log})
	bt, stopB := campaign(t, b)
	candidates(t, client, 2)
	one.release()
	stopA()
	two := receive(t, bt, "term of b")
	require.False(t, saw("no lease"), "the leader's key had one")
	two.release()
	stopB()

	_, err := client.Put(t.Context(), path+"/forgotten", "x")
	require.NoError(t, err)
	_, stopB = campaign(t, b)
	require.Eventually(t, func() bool { return saw("no lease") && saw(path+"/forgotten") }, patience, time.Millisecond)
	stopB()
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }
