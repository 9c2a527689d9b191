package platformfx_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"
	"go.uber.org/fx/fxtest"

	"example.com/baton/platform/etcdtest"
	"example.com/baton/platform/platformfx"
	"example.com/baton/platform/scheduling"
	"example.com/baton/platform/scheduling/schedulingfx"
)

// A service at the path of another program waits for its turn there, and its ledger
// takes the key at the path for what a term stands on.
func TestAServiceAtAnExistingPath(t *testing.T) {
	t.Parallel()
	etcd := etcdtest.Start(t)
	client := etcd.Client(t)
	_, err := client.Put(t.Context(), "/gocron/elector/1", "somebody else")
	require.NoError(t, err)

	c := ticker{ran: make(chan scheduling.Run, 1)}
	app := fxtest.New(t, platformfx.App("billing", alone("BILLING_ETCD__ENDPOINTS="+etcd.Endpoint,
		"BILLING_ELECTION__PATH=/gocron/elector", "BILLING_INSTANCE__ID=billing-1", "BILLING_JOBS__TICK__EVERY=1s"),
		fx.Supply(c),
		schedulingfx.Job("tick", scheduling.Every(time.Hour), ticker.tick),
	))
	app.RequireStart()
	require.Eventually(t, func() bool { return len(etcdtest.Keys(t.Context(), t, client, "/gocron/elector/")) == 2 },
		20*time.Second, time.Millisecond)
	require.Empty(t, c.ran)
	_, err = client.Delete(t.Context(), "/gocron/elector/1")
	require.NoError(t, err)

	run := <-c.ran
	keys := etcdtest.Keys(t.Context(), t, client, "/gocron/elector/")
	require.Len(t, keys, 1)
	resp, err := client.Get(t.Context(), keys[0])
	require.NoError(t, err)
	require.Equal(t, "billing-1", string(resp.Kvs[0].Value))
	require.Equal(t, run.Term.Token, resp.Kvs[0].CreateRevision)
	require.NotEmpty(t, etcdtest.Keys(t.Context(), t, client, "/baton/billing/runs/tick/"), "the claim was accepted")
	app.RequireStop()
	require.Empty(t, etcdtest.Keys(t.Context(), t, client, "/gocron/elector/"))
}

func TestAPathElectsOneLeader(t *testing.T) {
	t.Parallel()
	c := newCommand(t, nil, "serve")
	require.NoError(t, os.WriteFile(filepath.Join(c.Dir, "config.yaml"),
		[]byte("election: {path: /baton}\nscheduling: {groups: [a, b]}\n"), 0o600))
	code, _, stderr := c.result(t)
	require.Equal(t, 2, code)
	require.Contains(t, stderr, `billing: election.path: "/baton" must neither contain nor lie in etcd.prefix, /baton,`)
	require.Contains(t, stderr, `billing: scheduling.groups: `)
	require.Contains(t, stderr, `must name one group while election.path is set, to "/baton"`)
}
