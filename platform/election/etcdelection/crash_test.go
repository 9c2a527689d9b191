package etcdelection_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/etcdelection"
	"example.com/baton/platform/etcdtest"
)

const (
	childEndpoint = "ETCDELECTION_TEST_ENDPOINT"
	childInstance = "ETCDELECTION_TEST_INSTANCE"
	childPulses   = "ETCDELECTION_TEST_PULSES"
	longTTL       = 30 // seconds: far beyond what any of these tests takes
)

// child is a process that leads until it is killed.
func child(endpoint, instance string) error {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Logger: zap.NewNop()})
	if err != nil {
		return err
	}
	cfg := etcdelection.Config{Base: base, Instance: instance, TTL: longTTL * time.Second, Listen: "127.0.0.1:0"}
	if os.Getenv(childPulses) != "" {
		cfg = pulsing(instance)
		cfg.Base = base
	}
	e, err := etcdelection.New(client, cfg)
	if err != nil {
		return err
	}
	go func() { _ = e.Run(context.Background()) }()
	return e.Lead(context.Background(), "default", func(ctx context.Context, _ election.Term) {
		_, _ = io.WriteString(os.Stdout, "leading\n")
		<-ctx.Done()
		if errors.Is(context.Cause(ctx), election.ErrLost) {
			_, _ = io.WriteString(os.Stdout, "lost\n")
		}
	})
}

// process is a child and what it says.
type process struct {
	*exec.Cmd
	lines chan string
}

func (p *process) line(t *testing.T) string {
	t.Helper()
	return receive(t, p.lines, "a line of the child")
}

func startChild(t *testing.T, endpoint, instance string, env ...string) *process {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe) //nolint:noctx // the tests kill it
	cmd.Env = append(append(os.Environ(), childEndpoint+"="+endpoint, childInstance+"="+instance), env...)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	p := &process{cmd, make(chan string, 16)}
	go func() {
		in := bufio.NewReader(out)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			p.lines <- line
		}
	}()
	require.Equal(t, "leading\n", p.line(t))
	return p
}

func TestAKilledLeaderIsReplacedAtOnce(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	leader := startChild(t, server.Endpoint, "a")
	e, _ := member(t, server.Client(t), etcdelection.Config{Instance: "b", TTL: longTTL * time.Second, Listen: "127.0.0.1:0"})
	terms, stop := campaign(t, e, "default")
	require.Eventually(t, func() bool { return e.Ready(t.Context()) == nil }, patience, time.Millisecond)
	before, ok, err := e.Leader(t.Context(), "default")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "a", before.Leader)

	require.NoError(t, leader.Process.Kill())
	one := receive(t, terms, "term, long before the lease expires")
	require.Greater(t, one.Token, before.Token)
	require.Zero(t, e.WrongTakeovers())
	one.release()
	stop()
}

// A process that was killed and comes back under its name does not wait for
// itself.
func TestAKilledProcessComesBackAtOnce(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	leader := startChild(t, server.Endpoint, "same")
	require.NoError(t, leader.Process.Kill())
	_ = leader.Wait()
	e, _ := member(t, server.Client(t), etcdelection.Config{Instance: "same", TTL: longTTL * time.Second, Listen: "127.0.0.1:0"})
	terms, stop := campaign(t, e, "default")
	receive(t, terms, "term, long before the lease expires").release()
	stop()
}

// If something refuses connections on behalf of a living leader, the inference is
// wrong. The tokens stay unique, it is noticed, and it does not happen again.
func TestAWrongTakeoverIsNoticedAndNotRepeated(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	a, _ := member(t, server.Client(t), etcdelection.Config{
		Instance: "a", TTL: longTTL * time.Second, Listen: "127.0.0.1:0", Advertise: "127.0.0.1:1",
	})
	terms, stopA := campaign(t, a, "default")
	one := receive(t, terms, "term of a")
	b, stopMember := member(t, server.Client(t), etcdelection.Config{Instance: "b", TTL: longTTL * time.Second, Listen: "127.0.0.1:0"})
	others, stopB := campaign(t, b, "default")
	two := receive(t, others, "term of b, by mistake")
	require.Greater(t, two.Token, one.Token)
	receive(t, election.Tenure(one.ctx).Done(), "a learns of it")
	receive(t, one.ctx.Done(), "end of the term")
	require.ErrorIs(t, context.Cause(one.ctx), election.ErrLost)
	one.release()
	require.Eventually(t, func() bool { return b.WrongTakeovers() == 1 }, patience, time.Millisecond)

	two.release()
	stopB()
	three := receive(t, terms, "second term of a")
	again, stopAgain := campaign(t, b, "default")
	require.Never(t, func() bool { return len(again) > 0 }, 500*time.Millisecond, 10*time.Millisecond)
	require.NoError(t, three.ctx.Err())
	stopAgain()
	stopMember()
	three.release()
	stopA()
}

func TestASilentPeerIsNotReplacedBeforeItsLeaseEnds(t *testing.T) {
	t.Parallel()
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // accepts, and never says a word
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	server := etcdtest.Start(t)
	a, _ := member(t, server.Client(t), etcdelection.Config{
		Instance: "a", TTL: longTTL * time.Second, Listen: "127.0.0.1:0", Advertise: silent.Addr().String(),
	})
	terms, stopA := campaign(t, a, "default")
	one := receive(t, terms, "term of a")
	b, stopMember := member(t, server.Client(t), etcdelection.Config{Instance: "b", TTL: longTTL * time.Second, Listen: "127.0.0.1:0"})
	others, stopB := campaign(t, b, "default")
	require.Never(t, func() bool { return len(others) > 0 }, 500*time.Millisecond, 10*time.Millisecond)
	require.NoError(t, one.ctx.Err())
	stopB()
	stopMember()
	one.release()
	stopA()
}
