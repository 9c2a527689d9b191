package etcdelection_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/electiontest"
	"example.com/baton/platform/election/etcdelection"
	"example.com/baton/platform/etcdtest"
)

// TestMain is also the process that gets killed.
func TestMain(m *testing.M) {
	if endpoint := os.Getenv(childEndpoint); endpoint != "" {
		fmt.Fprintln(os.Stderr, child(endpoint, os.Getenv(childInstance)))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

const base = "/baton/test"

// member runs an elector until the test ends or the returned function is called.
func member(t *testing.T, client *clientv3.Client, cfg etcdelection.Config) (*etcdelection.Elector, func()) {
	t.Helper()
	if cfg.Base == "" {
		cfg.Base = base
	}
	if cfg.TTL == 0 {
		cfg.TTL = 5 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	e, err := etcdelection.New(client, cfg)
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

func TestContract(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	electiontest.Run(t, func(t *testing.T) electiontest.Cluster {
		client := server.Client(t)
		prefix := base + "/" + t.Name()
		return electiontest.Cluster{
			Member: func(t *testing.T, instance string) (election.Elector, func()) {
				e, stop := member(t, client, etcdelection.Config{Base: prefix, Instance: instance, Listen: "127.0.0.1:0"})
				return e, stop
			},
			// Without its lease a leader is told by the watch, a little after
			// the fact: what a real expiry never does, because then its own
			// deadline has passed before.
			Lose: func(t *testing.T, group string) {
				resp, err := client.Get(t.Context(), prefix+"/owners/"+group)
				require.NoError(t, err)
				require.Len(t, resp.Kvs, 1)
				_, err = client.Revoke(t.Context(), clientv3.LeaseID(resp.Kvs[0].Lease))
				require.NoError(t, err)
			},
		}
	})
}
