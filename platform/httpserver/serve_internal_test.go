package httpserver

import (
	"log/slog"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestServeReportsADeadListener(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	cfg.Address = "127.0.0.1:0"
	s := New(cfg, Instruments{}, slog.New(slog.DiscardHandler))
	require.NoError(t, s.Listen(t.Context()))
	require.NoError(t, s.listener.Close())
	require.ErrorIs(t, s.Serve(t.Context()), net.ErrClosed)
}
