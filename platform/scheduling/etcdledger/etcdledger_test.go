package etcdledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.com/baton/platform/election"
	"example.com/baton/platform/etcdtest"
	"example.com/baton/platform/scheduling"
	"example.com/baton/platform/scheduling/etcdledger"
	"example.com/baton/platform/scheduling/schedulingtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContract(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	schedulingtest.RunLedger(t, func(t *testing.T) schedulingtest.Ledger {
		client := server.Client(t)
		base := "/baton/" + t.Name()
		return schedulingtest.Ledger{
			Ledger: etcdledger.New(client, etcdledger.Config{Base: base}),
			Begin: func(t *testing.T, group, instance string) election.Term {
				resp, err := client.Put(t.Context(), base+"/owners/"+group, instance)
				require.NoError(t, err)
				return election.Term{Group: group, Leader: instance, Token: resp.Header.Revision}
			},
		}
	})
}

// A record that cannot be read must stop the term from starting, with the key in
// the error: guessing a watermark would lose or repeat occurrences.
func TestOpenNamesTheRecordItCannotRead(t *testing.T) {
	t.Parallel()
	client := etcdtest.Start(t).Client(t)
	ledger := etcdledger.New(client, etcdledger.Config{Base: "/baton/x"})
	resp, err := client.Put(t.Context(), "/baton/x/owners/default", "a")
	require.NoError(t, err)
	_, err = client.Put(t.Context(), "/baton/x/jobs/broken", "{")
	require.NoError(t, err)
	_, err = ledger.Open(t.Context(), election.Term{Group: "default", Token: resp.Header.Revision}, []scheduling.JobState{}, time.Time{})
	require.ErrorContains(t, err, "/baton/x/jobs/broken")
}
