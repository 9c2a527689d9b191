package tcpfault_test

import (
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.com/baton/tools/chaos/tcpfault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo answers every byte with itself and reports it on heard.
func echo(t *testing.T) (address string, heard <-chan byte) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done, bytes := make(chan struct{}), make(chan byte, 16)
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			go func() {
				b := make([]byte, 1)
				for {
					if _, err := c.Read(b); err != nil {
						return
					}
					bytes <- b[0]
					if _, err := c.Write(b); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String(), bytes
}

func proxy(t *testing.T) (*tcpfault.Proxy, net.Conn, <-chan byte) {
	t.Helper()
	target, heard := echo(t)
	p, err := tcpfault.Listen(target)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	c, err := net.Dial("tcp", p.Address())
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	exchange(t, c, 'a')
	require.Equal(t, byte('a'), <-heard)
	return p, c, heard
}

func exchange(t *testing.T, c net.Conn, b byte) {
	t.Helper()
	write(t, c, b)
	require.Equal(t, b, read(t, c))
}

func write(t *testing.T, c net.Conn, b byte) {
	t.Helper()
	_, err := c.Write([]byte{b})
	require.NoError(t, err)
}

func read(t *testing.T, c net.Conn) byte {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
	b := make([]byte, 1)
	_, err := io.ReadFull(c, b)
	require.NoError(t, err)
	return b[0]
}

func requireSilence(t *testing.T, c net.Conn) {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestRefuseResetsAndComesBackAtTheSameAddress(t *testing.T) {
	p, c, _ := proxy(t)
	require.NoError(t, p.Set(tcpfault.Refuse))
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET)
	_, err = net.Dial("tcp", p.Address())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)

	require.NoError(t, p.Set(tcpfault.Forward))
	c, err = net.Dial("tcp", p.Address())
	require.NoError(t, err)
	defer c.Close()
	exchange(t, c, 'b')
}

func TestABlackHoleKeepsOldAndNewConnectionsAndDeliversLate(t *testing.T) {
	p, c, heard := proxy(t)
	require.NoError(t, p.Set(tcpfault.BlackHole))
	second, err := net.Dial("tcp", p.Address())
	require.NoError(t, err)
	defer second.Close()
	write(t, c, 'b')
	write(t, second, 'c')
	requireSilence(t, c)
	requireSilence(t, second)
	require.Empty(t, heard)

	require.NoError(t, p.Set(tcpfault.Forward))
	require.Equal(t, byte('b'), read(t, c))
	require.Equal(t, byte('c'), read(t, second))
}

func TestHeldAnswers(t *testing.T) {
	p, c, heard := proxy(t)
	require.NoError(t, p.Set(tcpfault.HoldAnswers))
	write(t, c, 'b')
	require.Equal(t, byte('b'), <-heard)
	requireSilence(t, c)
	require.NoError(t, p.Set(tcpfault.Forward))
	require.Equal(t, byte('b'), read(t, c))
}

func TestHeldRequests(t *testing.T) {
	p, c, heard := proxy(t)
	require.NoError(t, p.Set(tcpfault.HoldRequests))
	write(t, c, 'b')
	requireSilence(t, c)
	require.Empty(t, heard)
	require.NoError(t, p.Set(tcpfault.Forward))
	require.Equal(t, byte('b'), read(t, c))
}

func TestCloseEndsWhatIsHeld(t *testing.T) {
	p, c, _ := proxy(t)
	require.NoError(t, p.Set(tcpfault.BlackHole))
	write(t, c, 'b')
	p.Close()
	_, err := c.Read(make([]byte, 1))
	require.Error(t, err)
	require.ErrorIs(t, p.Set(tcpfault.Forward), net.ErrClosed)
}
