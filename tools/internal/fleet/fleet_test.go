package fleet_test

import (
	"context"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"

	"example.com/baton/tools/internal/etcdlocal"
	"example.com/baton/tools/internal/fleet"
	"example.com/baton/tools/internal/proc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is an etcd and the built fake service.
type bench struct {
	group    *proc.Group
	etcd     *etcdlocal.Cluster
	client   *clientv3.Client
	journal  *fleet.Journal
	services []fleet.Service
}

func setup(t *testing.T) *bench {
	t.Helper()
	b := &bench{group: proc.NewGroup(), journal: fleet.NewJournal(nil)}
	t.Cleanup(b.group.Close)
	services, err := fleet.Discover(filepath.Join("testdata", "repo"))
	require.NoError(t, err)
	require.NoError(t, fleet.Build(t.Context(), b.group, services, t.TempDir(), nil))
	b.services = services
	b.etcd, err = etcdlocal.Start(t.Context(), etcdlocal.Config{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(b.etcd.Close)
	b.client, err = b.etcd.Client()
	require.NoError(t, err)
	t.Cleanup(func() { b.client.Close() })
	return b
}

func (b *bench) options(t *testing.T, env ...string) fleet.Options {
	return fleet.Options{
		Group: b.group, Journal: b.journal, Services: b.services, Replicas: 3,
		EtcdEndpoints: b.etcd.Endpoints(), OTLPEndpoint: "http://127.0.0.1:1", DataDir: t.TempDir(), Env: env,
	}
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestAKilledLeaderIsReplacedAndRestarted(t *testing.T) {
	b := setup(t)
	opts := b.options(t)
	var mu sync.Mutex
	var kinds []fleet.Kind
	opts.Notify = func(c fleet.Change) {
		mu.Lock()
		defer mu.Unlock()
		kinds = append(kinds, c.Kind)
	}
	f, err := fleet.Start(soon(t), opts)
	require.NoError(t, err)
	stopped := false
	defer func() {
		if !stopped {
			f.Stop(context.Background(), time.Second)
		}
	}()
	owners := fleet.WatchOwners(b.client, nil)
	defer owners.Close()

	started, err := b.journal.Wait(soon(t), 0, fleet.Msg("started"))
	require.NoError(t, err)
	require.Equal(t, "serve", started.Get("args"))
	require.Equal(t, "http://127.0.0.1:1", started.Get("otlp"))
	require.DirExists(t, started.Get("data"))

	first, err := b.journal.Wait(soon(t), 0, fleet.Msg(fleet.TermStarted))
	require.NoError(t, err)
	leads := func(not string) func([]fleet.Owner) bool {
		return func(o []fleet.Owner) bool { return len(o) == 1 && o[0].Instance != not }
	}
	require.NoError(t, owners.Wait(soon(t), leads("")))
	require.Equal(t, first.Get("instance"), owners.All()[0].Instance)

	leader := f.Replica(first.Source)
	pid, seq := leader.Pid(), b.journal.Next()
	leader.Kill()
	second, err := b.journal.Wait(soon(t), seq, fleet.Msg(fleet.TermStarted))
	require.NoError(t, err)
	require.NotEqual(t, first.Get("token"), second.Get("token"))
	_, err = b.journal.Wait(soon(t), seq, fleet.Msg("started", "instance", leader.Instance))
	require.NoError(t, err)
	require.NotEqual(t, pid, leader.Pid())

	addresses := make([]string, 0, 3)
	for _, r := range f.Replicas() {
		addresses = append(addresses, r.Address())
	}
	f.Stop(soon(t), 20*time.Second)
	stopped = true
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, 1, count(kinds, fleet.Killed))
	require.Equal(t, 3, count(kinds, fleet.Stopped))
	for _, a := range addresses {
		_, err := net.Dial("tcp", a)
		require.Error(t, err)
	}
}

func count(kinds []fleet.Kind, k fleet.Kind) int {
	n := 0
	for _, kind := range kinds {
		if kind == k {
			n++
		}
	}
	return n
}

func TestAServiceThatCannotStartIsNamedWithItsLastLines(t *testing.T) {
	b := setup(t)
	_, err := fleet.Start(soon(t), b.options(t, "FAKE_MODE=crash"))
	require.ErrorContains(t, err, "start fake-1")
	require.ErrorContains(t, err, "exit status 2")
	require.ErrorContains(t, err, "configuration: something is wrong")
}

func TestADeafReplicaIsKilledAfterTheGrace(t *testing.T) {
	b := setup(t)
	opts := b.options(t, "FAKE_MODE=deaf")
	opts.Replicas = 1
	forced := make(chan bool, 1)
	opts.Notify = func(c fleet.Change) {
		if c.Kind == fleet.Stopped {
			forced <- c.Forced
		}
	}
	f, err := fleet.Start(soon(t), opts)
	require.NoError(t, err)
	f.Stop(soon(t), 50*time.Millisecond)
	require.True(t, <-forced)
}

func TestDiscover(t *testing.T) {
	t.Parallel()
	root := filepath.Join("testdata", "repo")
	services, err := fleet.Discover(root, "fake")
	require.NoError(t, err)
	require.Len(t, services, 1)
	require.Equal(t, "fake", services[0].Name)
	_, err = fleet.Discover(root, "fake", "unknown")
	require.EqualError(t, err, `no service "unknown"; there is: fake`)
	_, err = fleet.Discover(t.TempDir())
	require.ErrorContains(t, err, "services/<name>/cmd/<name>/main.go")

	found, err := fleet.Root(filepath.Join(root, "services", "fake"))
	require.NoError(t, err)
	want, err := filepath.Abs(root)
	require.NoError(t, err)
	require.Equal(t, want, found)
	_, err = fleet.Root(os.TempDir())
	require.ErrorContains(t, err, "go.work")
}

func TestABuildThatFailsShowsWhy(t *testing.T) {
	t.Parallel()
	g := proc.NewGroup()
	defer g.Close()
	dir := t.TempDir()
	cmd := filepath.Join(dir, "cmd", "bad")
	require.NoError(t, os.MkdirAll(cmd, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/bad\n\ngo 1.26.0\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(cmd, "main.go"), []byte("package main\n\nfunc main() { undefined() }\n"), 0o644))
	out := t.TempDir()
	err := fleet.Build(t.Context(), g, []fleet.Service{{Name: "bad", Dir: dir}}, out, nil)
	require.ErrorContains(t, err, "undefined: undefined")
	left, err := os.ReadDir(out)
	require.NoError(t, err)
	require.False(t, slices.ContainsFunc(left, func(e fs.DirEntry) bool { return e.IsDir() }), "temporary files are left")
}
