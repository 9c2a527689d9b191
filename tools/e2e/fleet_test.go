package e2e

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/tools/internal/fleet"
	"example.com/baton/tools/internal/waterfall"
)

const job = "close_overdue" // due every ten seconds in dev.yaml

func TestAFleetRunsEachOccurrenceOnceTracesItAndSurvivesItsLeader(t *testing.T) {
	gate(t)
	b := newBench(t)
	b.startJaeger(t)
	startFleet(t, b)

	first := b.wait(t, 0, fleet.Msg(fleet.RunFinished, "job", job, "result", "success"))
	requireTrace(t, b, first)

	group, oldToken := first.Get("group"), first.Get("token")
	leader := b.fleet.Replica(first.Source)
	seq, killed := b.journal.Next(), time.Now()
	leader.Kill()
	term := b.wait(t, seq, func(r fleet.Record) bool {
		return r.Msg == fleet.TermStarted && r.Get("group") == group
	})
	t.Logf("%s took over from %s after %s", term.Source, first.Source, term.Seen.Sub(killed).Round(time.Millisecond))
	require.NotEqual(t, first.Source, term.Source, "another replica takes over")
	require.Greater(t, number(term.Get("token")), number(oldToken))

	next := b.wait(t, term.Seq, fleet.Msg(fleet.RunFinished, "job", job, "group", group, "result", "success"))
	require.NotEqual(t, first.Get("run_id"), next.Get("run_id"))
	requireTrace(t, b, next)

	stopCleanly(t, b)
	require.Empty(t, check(b.journal.Since(0), func(token string) bool { return token == oldToken }))
}

// requireTrace finds the trace of a finished run as a user would and checks what it must show.
func requireTrace(t *testing.T, b *bench, r fleet.Record) {
	t.Helper()
	var run *waterfall.Node
	require.Eventually(t, func() bool {
		trace, err := b.jaeger.Run(t.Context(), r.Get("run_id"))
		if err != nil {
			return false
		}
		waterfall.Walk(trace.Tree(), func(n *waterfall.Node) {
			if n.Span.Name == "run "+job && n.Span.Attr("job.run.attempt") == r.Get("attempt") {
				run = n
			}
		})
		return run != nil && len(run.Children) > 0
	}, time.Minute, 200*time.Millisecond, "no complete trace of %s", r.Get("run_id"))

	require.Equal(t, r.Get("run_id"), run.Span.Attr("job.run.id"))
	require.Equal(t, r.Get("token"), run.Span.Attr("scheduler.term.token"))
	require.Equal(t, "success", run.Span.Attr("job.run.result"))
	require.Equal(t, r.Source, run.Span.Instance)
	require.NotNil(t, run.Parent)
	require.Equal(t, "schedule "+job, run.Parent.Span.Name)
	own := 0
	waterfall.Walk(run.Children, func(n *waterfall.Node) {
		if n.Span.Service == "billing" && !strings.HasPrefix(n.Span.Name, "etcdserverpb.") {
			own++
		}
	})
	require.Positive(t, own, "the job's own spans are below its run")
}

// stopCleanly stops the fleet with SIGTERM and checks that nothing of it is left.
func stopCleanly(t *testing.T, b *bench) {
	t.Helper()
	addresses := make(map[string]string)
	for _, r := range b.fleet.Replicas() {
		addresses[r.Instance] = r.Address()
	}
	b.fleet.Stop(within(t, time.Minute), 30*time.Second)
	b.stopped = true
	stopped := 0
	for len(b.changes) > 0 {
		if c := <-b.changes; c.Kind == fleet.Stopped {
			require.False(t, c.Forced, "%s had to be killed", c.Replica.Instance)
			require.True(t, c.Exit.OK(), "%s: %s", c.Replica.Instance, c.Exit)
			stopped++
		}
	}
	require.Equal(t, len(addresses), stopped)
	for instance, address := range addresses {
		_, err := net.Dial("tcp", address)
		require.Error(t, err, "%s still listens", instance)
	}
	for _, what := range []string{"owners/", "members/"} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		resp, err := b.client.Get(ctx, "/baton/billing/"+what, clientv3.WithPrefix(), clientv3.WithKeysOnly())
		cancel()
		require.NoError(t, err)
		require.Empty(t, resp.Kvs, "%s is left in etcd", what)
	}
}
