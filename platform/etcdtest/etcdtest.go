// Package etcdtest runs a real etcd member inside a test process.
//
// It is for tests only: a rule of tools/arch keeps it, and with it the etcd
// server, out of every service binary. The member listens on free loopback ports
// and does not wait for the disk, so it says nothing about durations.
package etcdtest

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// Server is one running member.
type Server struct {
	Endpoint string // host:port for clients

	etcd *embed.Etcd
	cfg  *embed.Config
}

// Start runs a member until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	cfg := embed.NewConfig()
	cfg.Dir = t.TempDir()
	cfg.LogLevel = "fatal"
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	cfg.UnsafeNoFsync = true
	anyPort := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	cfg.ListenClientUrls, cfg.ListenPeerUrls = anyPort, anyPort
	cfg.AdvertiseClientUrls, cfg.AdvertisePeerUrls = anyPort, anyPort
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)

	s := &Server{cfg: cfg}
	s.run(t)
	t.Cleanup(s.Stop)
	return s
}

func (s *Server) run(t testing.TB) {
	t.Helper()
	etcd, err := embed.StartEtcd(s.cfg)
	require.NoError(t, err)
	select {
	case <-etcd.Server.ReadyNotify():
	case <-time.After(30 * time.Second):
		etcd.Close()
		t.Fatal("etcd did not become ready within 30s")
	}
	s.etcd = etcd
	s.Endpoint = etcd.Clients[0].Addr().String()
}

// Stop ends the member; its data stays until the test ends.
func (s *Server) Stop() {
	if s.etcd != nil {
		s.etcd.Close()
		s.etcd = nil
	}
}

// Restart starts a stopped member again, on its old data and its old port.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop()
	s.cfg.ListenClientUrls = []url.URL{{Scheme: "http", Host: s.Endpoint}}
	s.run(t)
}

// Client returns a client that is closed when the test ends.
func (s *Server) Client(t testing.TB) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{s.Endpoint}, DialTimeout: 5 * time.Second, Logger: zap.NewNop(),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

// Keys returns the keys under prefix.
func Keys(ctx context.Context, t testing.TB, client *clientv3.Client, prefix string) []string {
	t.Helper()
	resp, err := client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly())
	require.NoError(t, err)
	keys := make([]string, 0, len(resp.Kvs))
	for _, kv := range resp.Kvs {
		keys = append(keys, string(kv.Key))
	}
	return keys
}
