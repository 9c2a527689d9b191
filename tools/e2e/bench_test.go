package e2e

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"example.com/baton/tools/internal/etcdlocal"
	"example.com/baton/tools/internal/fleet"
	"example.com/baton/tools/internal/jaegerlocal"
	"example.com/baton/tools/internal/otlprelay"
	"example.com/baton/tools/internal/proc"
	"example.com/baton/tools/internal/waterfall"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func gate(t *testing.T) {
	t.Helper()
	if os.Getenv("BATON_E2E") != "1" {
		t.Skip("needs the Jaeger binary, whose first build takes minutes: set BATON_E2E=1")
	}
}

// within bounds one wait of a test.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// bench is a running fleet of billing with everything around it.
type bench struct {
	root    string
	group   *proc.Group
	etcd    *etcdlocal.Cluster
	client  *clientv3.Client
	relay   *otlprelay.Relay
	jaeger  *waterfall.Client
	journal *fleet.Journal
	fleet   *fleet.Fleet
	changes chan fleet.Change
	stopped bool
}

// startJaeger runs the real Jaeger behind a relay.
func (b *bench) startJaeger(t *testing.T) {
	t.Helper()
	module, err := jaegerlocal.Open(filepath.Join(b.root, "tools", "jaeger"))
	require.NoError(t, err)
	if !module.Cached() {
		require.NoError(t, module.Build(t.Context(), b.group, t.TempDir(), nil))
	}
	server, err := module.Start(within(t, time.Minute), b.group, "")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background(), 20*time.Second)) })
	b.relay, err = otlprelay.Start("127.0.0.1:0", 0)
	require.NoError(t, err)
	t.Cleanup(b.relay.Close)
	conn, err := grpc.NewClient(server.OTLP, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	b.relay.Deliver(conn)
	b.jaeger, err = waterfall.NewClient(server.Query)
	require.NoError(t, err)
	t.Cleanup(b.jaeger.Close)
}

func newBench(t *testing.T) *bench {
	t.Helper()
	root, err := fleet.Root(".")
	require.NoError(t, err)
	b := &bench{root: root, group: proc.NewGroup(), changes: make(chan fleet.Change, 1000)}
	t.Cleanup(b.group.Close)
	b.journal = fleet.NewJournal(nil)
	t.Cleanup(func() {
		if t.Failed() {
			for _, r := range b.journal.Since(0) {
				t.Log(r.Source, r.Line)
			}
		}
	})
	return b
}

// startFleet brings up three replicas of billing with etcd. Call startJaeger first to have traces.
func startFleet(t *testing.T, b *bench, env ...string) {
	t.Helper()
	services, err := fleet.Discover(b.root, "billing")
	require.NoError(t, err)
	require.NoError(t, fleet.Build(t.Context(), b.group, services, t.TempDir(), nil))

	cfg := etcdlocal.Config{Dir: t.TempDir()}
	opts := fleet.Options{
		Group: b.group, Journal: b.journal, Services: services, Replicas: 3, DataDir: t.TempDir(), Env: env,
		Notify: func(c fleet.Change) { b.changes <- c },
	}
	if b.relay != nil {
		cfg.TraceAddress = b.relay.Address()
		opts.OTLPEndpoint = "http://" + b.relay.Address()
	}
	b.etcd, err = etcdlocal.Start(within(t, time.Minute), cfg)
	require.NoError(t, err)
	t.Cleanup(b.etcd.Close)
	b.client, err = b.etcd.Client()
	require.NoError(t, err)
	t.Cleanup(func() { b.client.Close() })
	opts.EtcdEndpoints = b.etcd.Endpoints()
	b.fleet, err = fleet.Start(within(t, 2*time.Minute), opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		if !b.stopped {
			b.fleet.Stop(context.Background(), 10*time.Second)
		}
	})
}

// wait returns the first record from seq on that matches.
func (b *bench) wait(t *testing.T, seq int, match func(fleet.Record) bool) fleet.Record {
	t.Helper()
	r, err := b.journal.Wait(within(t, time.Minute), seq, match)
	require.NoError(t, err)
	return r
}
