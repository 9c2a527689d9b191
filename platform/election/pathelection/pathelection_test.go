package pathelection_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/electiontest"
	"example.com/baton/platform/election/pathelection"
	"example.com/baton/platform/etcdtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	group    = "default"
	path     = "/gocron/elector"
	patience = 20 * time.Second
)

// member runs an elector until the test ends or the returned function is called.
func member(t *testing.T, client *clientv3.Client, cfg pathelection.Config) (*pathelection.Elector, func()) {
	t.Helper()
	if cfg.Path == nil {
		cfg.Path = pathelection.At(group, path)
	}
	if cfg.TTL == 0 {
		cfg.TTL = 5 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	e, err := pathelection.New(client, cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := e.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	}()
	stop := func() { cancel(); <-done }
	t.Cleanup(stop)
	return e, stop
}

// term is one term, held until release is called.
type term struct {
	election.Term
	ctx     context.Context
	release func()
}

// campaign leads the group in the background and hands out each term.
func campaign(t *testing.T, e election.Elector) (terms <-chan term, stop func()) {
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

// candidates waits until there are n keys at the path.
func candidates(t *testing.T, client *clientv3.Client, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return len(etcdtest.Keys(t.Context(), t, client, path+"/")) == n },
		patience, time.Millisecond, "%d candidates", n)
}

func TestContract(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	electiontest.Run(t, func(t *testing.T) electiontest.Cluster {
		client := server.Client(t)
		at := func(group string) string { return "/" + t.Name() + "/" + group }
		return electiontest.Cluster{
			Member: func(t *testing.T, instance string) (election.Elector, func()) {
				return member(t, client, pathelection.Config{Path: at, Instance: instance})
			},
			Lose: func(t *testing.T, group string) {
				resp, err := client.Get(t.Context(), at(group)+"/", clientv3.WithFirstCreate()...)
				require.NoError(t, err)
				require.Len(t, resp.Kvs, 1)
				_, err = client.Revoke(t.Context(), clientv3.LeaseID(resp.Kvs[0].Lease))
				require.NoError(t, err)
			},
		}
	})
}

func TestConfigIsCheckedWhole(t *testing.T) {
	t.Parallel()
	_, err := pathelection.New(nil, pathelection.Config{Instance: "a/b", TTL: 500 * time.Millisecond})
	for _, want := range []string{"path: must be given", `instance "a/b"`, "ttl 500ms: must be at least 1s"} {
		require.ErrorContains(t, err, want)
	}
	for p, want := range map[string]string{
		"": "must not be empty", "a\nb": "control characters", "\xff": "must be text",
		string(make([]byte, 513)): "at most 512",
	} {
		require.ErrorContains(t, pathelection.ValidatePath(p), want)
	}
	for _, p := range []string{"/gocron/elector", "elector", "/a/", "/größe"} {
		require.NoError(t, pathelection.ValidatePath(p))
	}
}

func TestOtherGroupsAreRefused(t *testing.T) {
	t.Parallel()
	e, err := pathelection.New(nil, pathelection.Config{Path: pathelection.At(group, path), Instance: "a", TTL: time.Second})
	require.NoError(t, err)
	require.ErrorIs(t, e.Lead(t.Context(), "other", nil), pathelection.ErrNoPath)
	require.ErrorContains(t, e.Lead(t.Context(), "other", nil), `"other"`)
	_, _, err = e.Leader(t.Context(), "other")
	require.ErrorIs(t, err, pathelection.ErrNoPath)
	require.ErrorIs(t, e.Observe(t.Context(), "other", nil), pathelection.ErrNoPath)
}

func TestKeyIsWhatOthersExpect(t *testing.T) {
	t.Parallel()
	client := etcdtest.Start(t).Client(t)
	e, _ := member(t, client, pathelection.Config{Instance: "a"})
	terms, stop := campaign(t, e)
	one := receive(t, terms, "term")
	resp, err := client.Get(t.Context(), path, clientv3.WithPrefix())
	require.NoError(t, err)
	require.Len(t, resp.Kvs, 1)
	kv := resp.Kvs[0]
	require.Equal(t, fmt.Sprintf("%s/%x", path, kv.Lease), string(kv.Key))
	require.Equal(t, "a", string(kv.Value))
	require.Equal(t, one.Token, kv.CreateRevision)
	one.release()
	stop()
}

// A queue in which everybody waits for the one right before: candidates lead in the
// order in which they came, and one that gives up in the middle wakes nobody.
func TestCandidatesLeadInTheOrderTheyCame(t *testing.T) {
	t.Parallel()
	client := etcdtest.Start(t).Client(t)
	type one struct {
		terms <-chan term
		stop  func()
	}
	var queue []one
	for i := range 4 {
		e, _ := member(t, client, pathelection.Config{Instance: fmt.Sprintf("m%d", i)})
		terms, stop := campaign(t, e)
		queue = append(queue, one{terms, stop})
		candidates(t, client, i+1)
	}
	queue[1].stop()
	candidates(t, client, 3)
	require.Empty(t, queue[2].terms)
	for _, i := range []int{0, 2, 3} {
		tm := receive(t, queue[i].terms, "term")
		require.Equal(t, fmt.Sprintf("m%d", i), tm.Leader)
		tm.release()
		queue[i].stop()
	}
	candidates(t, client, 0)
}

func TestHandOverTakesMilliseconds(t *testing.T) {
	t.Parallel()
	client := etcdtest.Start(t).Client(t)
	a, _ := member(t, client, pathelection.Config{Instance: "a", TTL: 20 * time.Second})
	b, _ := member(t, client, pathelection.Config{Instance: "b", TTL: 20 * time.Second})
	at, stopA := campaign(t, a)
	one := receive(t, at, "term of a")
	bt, stopB := campaign(t, b)
	candidates(t, client, 2)
	start := time.Now()
	one.release()
	stopA()
	two := receive(t, bt, "term of b")
	took := time.Since(start)
	t.Logf("hand-over took %s", took)
	require.Less(t, took, 5*time.Second, "far below the lease")
	two.release()
	stopB()
}

func TestObserveFollowsTheLeader(t *testing.T) {
	t.Parallel()
	client := etcdtest.Start(t).Client(t)
	watcher, _ := member(t, client, pathelection.Config{Instance: "w"})
	ctx, cancel := context.WithCancelCause(t.Context())
	seen, ended := make(chan string, 16), make(chan error, 1)
	go func() {
		ended <- watcher.Observe(ctx, group, func(t election.Term, ok bool) {
			if ok != (t.Token != 0) {
				seen <- "inconsistent"
			}
			seen <- t.Leader
		})
	}()
	require.Empty(t, receive(t, seen, "nobody"))
	for _, instance := range []string{"a", "b"} {
		e, _ := member(t, client, pathelection.Config{Instance: instance})
		terms, stop := campaign(t, e)
		receive(t, terms, "term").release()
		require.Equal(t, instance, receive(t, seen, "leader"))
		stop()
		for receive(t, seen, "nobody") != "" {
		}
	}
	cause := errors.New("enough")
	cancel(cause)
	require.ErrorIs(t, receive(t, ended, "end"), cause)
}

func TestAnObserverTakesNoPlace(t *testing.T) {
	t.Parallel()
	client := etcdtest.Start(t).Client(t)
	o, _ := member(t, client, pathelection.Config{Instance: "o", Observer: true})
	never, stopObserver := campaign(t, o)
	require.Eventually(t, func() bool { return o.Ready(t.Context()) == nil }, patience, time.Millisecond)
	e, _ := member(t, client, pathelection.Config{Instance: "a"})
	terms, stop := campaign(t, e)
	one := receive(t, terms, "term")
	candidates(t, client, 1)
	now, ok, err := o.Leader(t.Context(), group)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, one.Term, now)
	one.release()
	stop()
	stopObserver()
	require.Empty(t, never)
}

func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	client := etcdtest.Start(t).Client(t)
	e, stopMember := member(t, client, pathelection.Config{Instance: "a"})
	terms, stop := campaign(t, e)
	one := receive(t, terms, "term")
	one.release()
	stop()
	stopMember()
	require.Empty(t, etcdtest.Keys(t.Context(), t, client, "/"))
	leases, err := client.Leases(t.Context())
	require.NoError(t, err)
	require.Empty(t, leases.Leases)
}
