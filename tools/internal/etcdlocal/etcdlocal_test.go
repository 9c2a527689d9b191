package etcdlocal_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.com/baton/tools/internal/etcdlocal"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The members of a cluster keep idle connections to each other, at both ends, for minutes.
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
		goleak.IgnoreAnyFunction("net/http.(*conn).serve"),
		goleak.IgnoreAnyFunction("net/http.(*connReader).backgroundRead"),
	)
}

func start(t *testing.T, cfg etcdlocal.Config) *etcdlocal.Cluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := etcdlocal.Start(ctx, cfg)
	require.NoError(t, err)
	return c
}

func put(t *testing.T, c *etcdlocal.Cluster, key, value string) {
	t.Helper()
	client, err := c.Client()
	require.NoError(t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err = client.Put(ctx, key, value)
	require.NoError(t, err)
}

func get(t *testing.T, c *etcdlocal.Cluster, key string) string {
	t.Helper()
	client, err := c.Client()
	require.NoError(t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	resp, err := client.Get(ctx, key)
	require.NoError(t, err)
	require.Len(t, resp.Kvs, 1)
	return string(resp.Kvs[0].Value)
}

func TestKeptDataIsThereAfterARestart(t *testing.T) {
	cfg := etcdlocal.Config{Dir: t.TempDir(), Keep: true}
	c := start(t, cfg)
	endpoint := c.Endpoints()[0]
	put(t, c, "k", "v")
	c.Close()

	_, err := net.Dial("tcp", endpoint)
	require.Error(t, err, "the port must be free after Close")

	c = start(t, cfg)
	defer c.Close()
	require.Equal(t, "v", get(t, c, "k"))
}

func TestThreeMembers(t *testing.T) {
	cfg := etcdlocal.Config{Dir: t.TempDir(), Members: 3, Keep: true}
	c := start(t, cfg)
	require.Len(t, c.Endpoints(), 3)
	put(t, c, "k", "v")
	c.Close()

	c = start(t, cfg)
	require.Equal(t, "v", get(t, c, "k"))
	c.Close()

	cfg.Members = 1
	_, err := etcdlocal.Start(t.Context(), cfg)
	require.ErrorContains(t, err, "holds a cluster of 3, not of 1")
}

func TestATakenPeerPortIsNamed(t *testing.T) {
	dir := t.TempDir()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	require.NoError(t, err)
	file := filepath.Join(dir, "peers.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"peer":[`+port+`]}`), 0o600))

	_, err = etcdlocal.Start(t.Context(), etcdlocal.Config{Dir: dir})
	require.ErrorContains(t, err, file)
	require.ErrorContains(t, err, port)
}
