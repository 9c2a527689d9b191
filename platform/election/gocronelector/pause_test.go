//go:build unix

package gocronelector_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	elector "example.com/baton/platform/election/gocronelector"
	"example.com/baton/platform/etcdtest"
)

const childEndpoint = "GOCRONELECTOR_TEST_ENDPOINT"

// child asks IsLeader without end. When two questions lie far apart, because the
// process was paused in between, it prints the answer to the second one. (A pause
// after the clocks were read, within the answer, nobody can see: that is what tokens
// are for.)
func child(endpoint string) error {
	el, err := elector.NewElector(context.Background(),
		clientv3.Config{Endpoints: []string{endpoint}, Logger: zap.NewNop()}, elector.WithTTL(2))
	if err != nil {
		return err
	}
	go func() { _ = el.Start(path) }()
	for el.IsLeader(context.Background()) != nil {
		<-time.After(time.Millisecond)
	}
	last := time.Now() // before the word that gets this process paused
	fmt.Println("leading")
	for {
		asked := time.Now()
		err := el.IsLeader(context.Background())
		if asked.Sub(last) > 2*time.Second {
			fmt.Println("resumed", err == nil)
			select {}
		}
		last = asked
	}
}

// The first answer after a pause longer than the lease must be no: another process
// leads by then, and no timer of this one has had a chance to fire.
func TestPausedLeaderSaysNoAtOnce(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe) //nolint:noctx // killed below
	cmd.Env = append(os.Environ(), childEndpoint+"="+server.Endpoint)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := make(chan string, 4)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line := func() string {
		select {
		case text := <-lines:
			return text
		case <-time.After(30 * time.Second):
			t.Fatal("the child says nothing")
			return ""
		}
	}
	require.Equal(t, "leading", line())

	other, err := elector.NewElectorWithClient(t.Context(), server.Client(t), elector.WithTTL(2))
	require.NoError(t, err)
	start(t, other)
	require.NoError(t, cmd.Process.Signal(syscall.SIGSTOP))
	long := time.After(3 * time.Second) // long enough for the child to be sure of it
	leads(t, other)
	<-long
	require.NoError(t, cmd.Process.Signal(syscall.SIGCONT))
	require.Equal(t, "resumed "+strconv.FormatBool(false), line())
	require.NoError(t, other.IsLeader(t.Context()))
}
