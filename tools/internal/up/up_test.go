//go:build unix

package up

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.com/baton/tools/internal/console"
	"example.com/baton/tools/internal/fleet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// events collects what a session reports.
type events struct {
	mu    sync.Mutex
	all   []console.Event
	grown chan struct{}
}

func (e *events) report(ev console.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, ev)
	close(e.grown)
	e.grown = make(chan struct{})
}

// await returns the first event of a kind, or fails when Run returns before it comes.
func (e *events) await(t *testing.T, kind console.Kind, done <-chan error) console.Event {
	t.Helper()
	deadline := time.After(time.Minute)
	for seen := 0; ; {
		e.mu.Lock()
		rest, grown := e.all[seen:], e.grown
		e.mu.Unlock()
		for _, ev := range rest {
			if ev.Kind == kind {
				return ev
			}
		}
		seen += len(rest)
		select {
		case <-grown:
		case err := <-done:
			require.FailNow(t, "ended early", "%v", err)
		case <-deadline:
			require.FailNow(t, "no event", "%s", kind)
		}
	}
}

// begin runs a fleet of the fake service. The temporary directory is the test's own.
func begin(t *testing.T, cfg Config) (*events, context.CancelFunc, <-chan error) {
	t.Helper()
	e := &events{grown: make(chan struct{})}
	cfg.Dir = filepath.Join("..", "fleet", "testdata", "repo")
	cfg.EtcdMembers, cfg.Jaeger, cfg.Report = 1, JaegerOff, e.report
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, t.Context(), cfg) }()
	return e, cancel, done
}

// ownTemp makes the temporary directory one that nobody else writes to, and checks that it is empty at the end.
func ownTemp(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Cleanup(func() {
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, left, "temporary files are left")
	})
}

func TestUpTakeoverAndDown(t *testing.T) {
	ownTemp(t)
	e, cancel, done := begin(t, Config{Replicas: 2, KillLeaderEvery: time.Second})
	start := e.await(t, console.Ready, done).Data.(ready)
	require.Len(t, start.Replicas, 2)
	change := e.await(t, console.Takeover, done).Data.(takeover)
	require.Positive(t, change.Took)
	require.Len(t, change.Owners, 1)

	cancel()
	require.NoError(t, <-done)
	for _, r := range start.Replicas {
		require.Error(t, syscall.Kill(r.Pid, 0), "process %d is left", r.Pid)
		_, err := net.Dial("tcp", r.Address)
		require.Error(t, err)
	}
	_, err := net.Dial("tcp", start.Etcd[0])
	require.Error(t, err)
}

func TestAServiceThatDoesNotStartEndsEverything(t *testing.T) {
	ownTemp(t)
	t.Setenv("FAKE_MODE", "crash")
	_, cancel, done := begin(t, Config{Replicas: 2})
	defer cancel()
	err := <-done
	require.ErrorContains(t, err, "start fake-1")
	require.ErrorContains(t, err, "configuration: something is wrong")
}

func TestStopWhileStarting(t *testing.T) {
	ownTemp(t)
	e, cancel, done := begin(t, Config{Replicas: 1})
	e.await(t, console.Progress, done)
	cancel()
	require.NoError(t, <-done)
}

func TestDataIsKeptAndGuarded(t *testing.T) {
	ownTemp(t)
	data := t.TempDir()
	e, cancel, done := begin(t, Config{Replicas: 1, Data: data})
	e.await(t, console.Ready, done)

	_, cancelSecond, second := begin(t, Config{Replicas: 1, Data: data})
	require.ErrorContains(t, <-second, "is used by another baton up")
	cancelSecond()

	cancel()
	require.NoError(t, <-done)
	require.DirExists(t, filepath.Join(data, "etcd"))

	e, cancel, done = begin(t, Config{Replicas: 1, Data: data})
	e.await(t, console.Ready, done)
	cancel()
	require.NoError(t, <-done)
}

func TestSweepTakesOnlyWhatIsLeftBehind(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	old := time.Now().Add(-time.Hour)
	w, err := openWorkdir("")
	require.NoError(t, err)
	defer w.close()
	require.NoError(t, os.Chtimes(w.root, old, old))
	abandoned := filepath.Join(os.TempDir(), "baton-up-1")
	require.NoError(t, os.MkdirAll(filepath.Join(abandoned, "data"), 0o700))
	require.NoError(t, os.Chtimes(abandoned, old, old))
	young := filepath.Join(os.TempDir(), "baton-up-2")
	require.NoError(t, os.Mkdir(young, 0o700))

	sweep()
	require.NoDirExists(t, abandoned)
	require.DirExists(t, w.data, "a running session's directory must stay")
	require.DirExists(t, young, "a session may be about to lock it")
}

func TestValidateNamesEverythingAtOnce(t *testing.T) {
	t.Parallel()
	err := Config{Replicas: 0, EtcdMembers: 2, Jaeger: "nonsense", KillLeaderEvery: time.Millisecond}.Validate()
	for _, flag := range []string{"--replicas 0", "--etcd 2", `--jaeger "nonsense"`, "--kill-leader-every 1ms"} {
		require.ErrorContains(t, err, flag)
	}
	require.NoError(t, Config{Replicas: 1, EtcdMembers: 1, Jaeger: "http://127.0.0.1:16686"}.Validate())
	require.ErrorContains(t, Config{Replicas: 1, EtcdMembers: 1, Jaeger: JaegerOff, OTLP: "a:1"}.Validate(), "--otlp")
}

func TestSuccessorsAreNewerTermsOfTheSameGroups(t *testing.T) {
	t.Parallel()
	owner := func(group, instance string, token int64) fleet.Owner {
		return fleet.Owner{Service: "s", Group: group, Instance: instance, Token: token}
	}
	before := []fleet.Owner{owner("a", "1", 5), owner("b", "1", 6)}
	now := []fleet.Owner{owner("a", "2", 7), owner("b", "1", 6), owner("c", "2", 9)}
	require.Equal(t, []fleet.Owner{owner("a", "2", 7)}, successors(before, now))
}
