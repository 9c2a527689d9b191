package memelection_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/electiontest"
	"example.com/baton/platform/election/memelection"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContract(t *testing.T) {
	t.Parallel()
	electiontest.Run(t, func(*testing.T) electiontest.Cluster {
		cluster := memelection.NewCluster()
		return electiontest.Cluster{
			Member: func(t *testing.T, instance string) (election.Elector, func()) {
				e := cluster.Member(instance)
				t.Cleanup(e.Close)
				return e, e.Close
			},
			Lose: func(t *testing.T, group string) { require.True(t, cluster.Expire(group)) },
		}
	})
}
