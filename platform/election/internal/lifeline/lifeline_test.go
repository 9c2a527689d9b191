package lifeline_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.com/baton/platform/election/internal/lifeline"
)

const childEnv = "LIFELINE_TEST_CHILD"

// TestMain is also the process that gets killed.
func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		s, err := lifeline.Listen(context.Background(), "127.0.0.1:0")
		if err != nil {
			os.Exit(1)
		}
		s.Announce("child")
		_, _ = io.WriteString(os.Stdout, s.Address()+"\n")
		select {}
	}
	goleak.VerifyTestMain(m)
}

const patience = 10 * time.Second

func listen(t *testing.T, incarnation string) *lifeline.Server {
	t.Helper()
	s, err := lifeline.Listen(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(s.Close)
	s.Announce(incarnation)
	return s
}

func watch(t *testing.T, address, incarnation string, trusted bool) (result <-chan error, stop context.CancelCauseFunc) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(t.Context()))
	out := make(chan error, 1)
	go func() {
		_, err := lifeline.Watch(ctx, address, incarnation, trusted)
		out <- err
	}()
	t.Cleanup(func() { cancel(nil) })
	return out, cancel
}

func result(t *testing.T, from <-chan error) error {
	t.Helper()
	select {
	case err := <-from:
		return err
	case <-time.After(patience):
		t.Fatal("no result")
		return nil
	}
}

func TestAKilledProcessIsGone(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	require.NoError(t, err)
	child := exec.Command(exe) //nolint:noctx // killed below
	child.Env = append(os.Environ(), childEnv+"=1")
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	buffer := make([]byte, 64)
	n, err := out.Read(buffer)
	require.NoError(t, err)

	gone, _ := watch(t, string(buffer[:n-1]), "child", true)
	require.NoError(t, child.Process.Kill())
	require.NoError(t, result(t, gone))
	_ = child.Wait()
}

func TestAnotherIncarnationProves(t *testing.T) {
	t.Parallel()
	s := listen(t, "one")
	gone, _ := watch(t, s.Address(), "one", true)
	s.Announce("two")
	require.NoError(t, result(t, gone))
	again, _ := watch(t, s.Address(), "two", true)
	s.Announce("")
	require.NoError(t, result(t, again))
}

// proxy stands between: it can break connections without anybody having died.
type proxy struct {
	net.Listener
	conns chan net.Conn
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	p := &proxy{l, make(chan net.Conn, 64)}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", target)
			if err != nil {
				_ = in.Close()
				continue
			}
			go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
			go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
			p.conns <- in
		}
	}()
	return p
}

func TestABrokenConnectionProvesNothing(t *testing.T) {
	t.Parallel()
	s := listen(t, "one")
	p := newProxy(t, s.Address())
	gone, stop := watch(t, p.Addr().String(), "one", false)
	for range 5 {
		_ = (<-p.conns).Close()
	}
	cause := errors.New("enough")
	<-p.conns // it came back once more
	stop(cause)
	require.ErrorIs(t, result(t, gone), cause)
}

func TestRefusedProvesNothingBeforeTheFirstGreeting(t *testing.T) {
	t.Parallel()
	s, err := lifeline.Listen(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	address := s.Address()
	s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = lifeline.Watch(ctx, address, "one", false)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	proof, err := lifeline.Watch(t.Context(), address, "one", true)
	require.NoError(t, err, "unless nobody else can be at the address")
	require.Equal(t, lifeline.Refused, proof)
}

func TestAnotherOneProvesNothingBeforeTheFirstGreeting(t *testing.T) {
	t.Parallel()
	s := listen(t, "two")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := lifeline.Watch(ctx, s.Address(), "one", false)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestAStrangerProvesNothing(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
			_ = conn.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = lifeline.Watch(ctx, l.Addr().String(), "one", true)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
