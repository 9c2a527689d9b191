package etcdelection_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/etcdelection"
	"example.com/baton/platform/etcdtest"
)

func pulsing(instance string) etcdelection.Config {
	return etcdelection.Config{
		Instance: instance, TTL: longTTL * time.Second,
		Pulse: 50 * time.Millisecond, PulseTimeout: 500 * time.Millisecond,
	}
}

func TestPulseIsChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pulse, timeout time.Duration
		want           string
	}{
		"nanoseconds":    {100, time.Second, "at least 20ms"},
		"only a timeout": {0, time.Second, "at least 20ms"},
		"too tight":      {100 * time.Millisecond, 200 * time.Millisecond, "three pulses"},
		"beyond the ttl": {time.Second, time.Minute, "shorter than the ttl"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := etcdelection.New(nil, etcdelection.Config{
				Base: base, Instance: "a", TTL: 5 * time.Second, Pulse: c.pulse, PulseTimeout: c.timeout,
			})
			require.ErrorContains(t, err, c.want)
		})
	}
}

// A frozen process stops leading by its own clocks, and is replaced long before
// its lease expires. The child below is frozen for real.
func TestAFrozenLeaderIsReplacedByItsPulse(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	leader := startChild(t, server.Endpoint, "a", childPulses+"=1")
	e, _ := member(t, server.Client(t), pulsing("b"))
	terms, stop := campaign(t, e, "default")
	ready(t, e)
	before, ok, err := e.Leader(t.Context(), "default")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "a", before.Leader)

	require.NoError(t, leader.Process.Signal(syscall.SIGSTOP))
	one := receive(t, terms, "term, long before the lease expires")
	require.Greater(t, one.Token, before.Token)
	require.NoError(t, leader.Process.Signal(syscall.SIGCONT))
	require.Equal(t, "lost\n", leader.line(t), "the frozen one learns that it is over")
	require.NoError(t, one.ctx.Err())
	one.release()
	stop()
}

func TestAPulsingLeaderStaysWhileItPulses(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	a, _ := member(t, server.Client(t), pulsing("a"))
	terms, stopA := campaign(t, a, "default")
	one := receive(t, terms, "term of a")
	b, stopMember := member(t, server.Client(t), pulsing("b"))
	others, stopB := campaign(t, b, "default")
	require.Never(t, func() bool { return len(others) > 0 || one.ctx.Err() != nil }, 2*time.Second, 10*time.Millisecond)
	stopB()
	stopMember()
	one.release()
	stopA()
}

func TestAPulsingLeaderThatIsCutOffStopsBeforeItIsReplaced(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{server.Endpoint}, Logger: zap.NewNop()})
	require.NoError(t, err)
	a, _ := member(t, client, pulsing("a"))
	terms, stopA := campaign(t, a, "default")
	one := receive(t, terms, "term of a")
	tenure := election.Tenure(one.ctx)
	b, _ := member(t, server.Client(t), pulsing("b"))
	others, stopB := campaign(t, b, "default")
	ready(t, b)

	require.NoError(t, client.Close()) // a's way to etcd, for good
	two := receive(t, others, "term of b, long before the lease expires")
	require.Error(t, tenure.Err(), "a stopped first")
	require.ErrorIs(t, context.Cause(tenure), election.ErrLost)
	require.Greater(t, two.Token, one.Token)
	one.release()
	two.release()
	stopB()
	stopA()
}

func TestNoPulseWithoutLeading(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	client := server.Client(t)
	l := &lease{Lease: client.Lease, renewed: make(chan struct{}, 1)}
	client.Lease = l
	cfg := pulsing("a")
	cfg.TTL = 2 * time.Second
	e, _ := member(t, client, cfg)
	ready(t, e)
	index := func() uint64 {
		status, err := client.Status(t.Context(), server.Endpoint)
		require.NoError(t, err)
		return status.RaftIndex
	}
	before := index()
	for range 2 { // a second, in which twenty pulses would fit
		receive(t, l.renewed, "renewal")
	}
	require.Equal(t, before, index())
}
