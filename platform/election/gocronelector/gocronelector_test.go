package gocronelector_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"example.com/baton/platform/election"
	elector "example.com/baton/platform/election/gocronelector"
	"example.com/baton/platform/etcdtest"
)

var _ gocron.Elector = (*elector.Elector)(nil)

const (
	path     = "/gocron/elector"
	patience = 20 * time.Second
)

// TestMain is also the process that gets paused.
func TestMain(m *testing.M) {
	if endpoint := os.Getenv(childEndpoint); endpoint != "" {
		fmt.Fprintln(os.Stderr, child(endpoint))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// start runs el at the path until the returned function is called.
func start(t *testing.T, el *elector.Elector) (stop func()) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- el.Start(path) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		require.NoError(t, el.Stop())
		select {
		case err := <-ended:
			require.NoError(t, err)
		default:
			t.Error("Stop returned before Start did")
		}
	}
	t.Cleanup(stop)
	return stop
}

func leads(t *testing.T, el *elector.Elector) {
	t.Helper()
	require.Eventually(t, func() bool { return el.IsLeader(t.Context()) == nil }, patience, time.Millisecond)
}

func follows(t *testing.T, el *elector.Elector, leader string) {
	t.Helper()
	require.Eventually(t, func() bool { return el.GetLeaderID() == leader }, patience, time.Millisecond)
}

func TestHandOver(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	client := server.Client(t)
	a, err := elector.NewElectorWithClient(t.Context(), client, elector.WithTTL(30))
	require.NoError(t, err)
	require.ErrorIs(t, a.IsLeader(t.Context()), elector.ErrNonLeader)
	require.ErrorIs(t, context.Cause(a.Tenure()), elector.ErrNonLeader)
	_, ok := a.Term()
	require.False(t, ok)
	stopA := start(t, a)
	leads(t, a)
	follows(t, a, a.GetID())
	termA, ok := a.Term()
	require.True(t, ok)
	require.Equal(t, a.GetID(), termA.Leader)
	tenure := a.Tenure()
	require.NoError(t, tenure.Err())

	b, err := elector.NewElector(t.Context(), clientv3.Config{Endpoints: []string{server.Endpoint}, Logger: zap.NewNop()}, elector.WithTTL(30))
	require.NoError(t, err)
	stopB := start(t, b)
	follows(t, b, a.GetID())
	require.NotEqual(t, a.GetID(), b.GetID())
	require.ErrorIs(t, b.IsLeader(t.Context()), elector.ErrNonLeader)

	begun := time.Now()
	stopA()
	leads(t, b)
	t.Logf("hand-over took %s", time.Since(begun))
	require.Less(t, time.Since(begun), 5*time.Second, "far below the lease")
	require.ErrorIs(t, a.IsLeader(t.Context()), elector.ErrNonLeader)
	require.ErrorIs(t, context.Cause(tenure), election.ErrResigned)
	termB, ok := b.Term()
	require.True(t, ok)
	require.Greater(t, termB.Token, termA.Token)
	require.ErrorIs(t, a.Start(path), elector.ErrClosed)
	require.NoError(t, a.Stop())
	require.Empty(t, a.GetLeaderID())
	stopB()
	require.Empty(t, etcdtest.Keys(t.Context(), t, client, path))
}

func TestEndsWithItsContexts(t *testing.T) {
	t.Parallel()
	client := etcdtest.Start(t).Client(t)
	for name, with := range map[string]func(context.Context) (*elector.Elector, error){
		"constructor": func(ctx context.Context) (*elector.Elector, error) { return elector.NewElectorWithClient(ctx, client) },
		"WithContext": func(ctx context.Context) (*elector.Elector, error) {
			return elector.NewElectorWithClient(context.Background(), client, elector.WithContext(ctx))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			el, err := with(ctx)
			require.NoError(t, err)
			ended := make(chan error, 1)
			go func() { ended <- el.Start("/" + t.Name()) }()
			leads(t, el)
			require.ErrorIs(t, el.Start("/"+t.Name()), elector.ErrStarted)
			cancel()
			select {
			case err := <-ended:
				require.NoError(t, err)
			case <-time.After(patience):
				t.Fatal("Start did not return")
			}
			require.ErrorIs(t, el.IsLeader(t.Context()), elector.ErrNonLeader)
			require.ErrorIs(t, el.Start("/"+t.Name()), elector.ErrClosed)
			require.NoError(t, el.Stop())
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	half := 500 * time.Millisecond
	for want, option := range map[string]elector.Option{
		"WithTTL(0): must be whole seconds": elector.WithTTL(int(half.Seconds())),
		"WithTTL(-1)":                       elector.WithTTL(-1),
		"WithTTL(10000000000)":              elector.WithTTL(int(10 * time.Second)),
		"WithLease(abc): must not be used":  elector.WithLease(0xabc),
	} {
		_, err := elector.NewElector(t.Context(), elector.Config{}, option)
		require.ErrorContains(t, err, want)
		_, err = elector.NewElectorWithClient(t.Context(), nil, option)
		require.ErrorContains(t, err, want)
	}
	el, err := elector.NewElectorWithClient(t.Context(), etcdtest.Start(t).Client(t), elector.WithLease(clientv3.NoLease), nil)
	require.NoError(t, err)
	require.ErrorContains(t, el.Start(""), "path: must not be empty")
	require.NoError(t, el.Stop())
}

func TestUnreachableEtcd(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	server.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := elector.NewElector(ctx, elector.Config{Endpoints: []string{server.Endpoint}, Logger: zap.NewNop()})
	require.ErrorIs(t, err, elector.ErrPingEtcd)
}

func TestOutage(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	el, err := elector.NewElectorWithClient(t.Context(), server.Client(t), elector.WithTTL(2))
	require.NoError(t, err)
	said := make(chan string, 64)
	el.SetLogger(func(msg ...any) { said <- fmt.Sprint(msg...) })
	stop := start(t, el)
	leads(t, el)
	tenure := el.Tenure()
	server.Stop()
	<-tenure.Done()
	require.ErrorIs(t, context.Cause(tenure), election.ErrLost)
	require.ErrorIs(t, el.IsLeader(t.Context()), elector.ErrNonLeader)
	server.Restart(t)
	leads(t, el)
	stop()
	close(said)
	var all string
	for line := range said {
		all += line + "\n"
	}
	require.Contains(t, all, "switch to leader")
	require.Contains(t, all, "election session lost")
	require.Contains(t, all, election.ErrLost.Error())
}

// An old process and a new one at the same path, in both orders, as in a rolling
// restart forwards and backwards.
func TestSharesThePathWithTheOldKind(t *testing.T) {
	t.Parallel()
	client := etcdtest.Start(t).Client(t)
	session, err := concurrency.NewSession(client, concurrency.WithTTL(10))
	require.NoError(t, err)
	defer func() { _ = session.Close() }()
	old := concurrency.NewElection(session, path)
	require.NoError(t, old.Campaign(t.Context(), "old"))

	el, err := elector.NewElectorWithClient(t.Context(), client, elector.WithTTL(10))
	require.NoError(t, err)
	stop := start(t, el)
	follows(t, el, "old")
	require.ErrorIs(t, el.IsLeader(t.Context()), elector.ErrNonLeader)
	require.NoError(t, old.Resign(t.Context()))
	leads(t, el)
	term, _ := el.Term()
	require.Greater(t, term.Token, old.Rev())

	won := make(chan error, 1)
	go func() { won <- old.Campaign(context.WithoutCancel(t.Context()), "old") }()
	require.Eventually(t, func() bool { return len(etcdtest.Keys(t.Context(), t, client, path)) == 2 }, patience, time.Millisecond)
	require.Empty(t, won)
	stop()
	require.NoError(t, <-won)
}

func TestIsLeaderAllocatesNothing(t *testing.T) {
	el, err := elector.NewElectorWithClient(t.Context(), etcdtest.Start(t).Client(t))
	require.NoError(t, err)
	ctx := t.Context()
	check := func() { _ = el.IsLeader(ctx) }
	require.Zero(t, testing.AllocsPerRun(100, check))
	start(t, el)
	leads(t, el)
	require.Zero(t, testing.AllocsPerRun(100, check))
}

func BenchmarkIsLeader(b *testing.B) {
	el, err := elector.NewElectorWithClient(b.Context(), etcdtest.Start(b).Client(b))
	require.NoError(b, err)
	ended := make(chan error, 1)
	go func() { ended <- el.Start(path) }()
	require.Eventually(b, func() bool { return el.IsLeader(b.Context()) == nil }, patience, time.Millisecond)
	ctx := b.Context()
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if el.IsLeader(ctx) != nil {
				b.Error("not the leader")
			}
		}
	})
	b.StopTimer()
	require.NoError(b, errors.Join(el.Stop(), <-ended))
}
