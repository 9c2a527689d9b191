package etcdlease_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.com/baton/platform/election/internal/etcdlease"
	"example.com/baton/platform/election/internal/proof"
	"example.com/baton/platform/etcdtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestValidateTTL(t *testing.T) {
	t.Parallel()
	for ttl, want := range map[time.Duration]string{
		0: "at least 1s", 999 * time.Millisecond: "at least 1s", 30: "ttl 30ns", 2500 * time.Millisecond: "whole seconds",
		24*time.Hour + time.Second: "at most 24h",
	} {
		require.ErrorContains(t, etcdlease.ValidateTTL(ttl), want)
	}
	require.NoError(t, etcdlease.ValidateTTL(time.Second))
	require.NoError(t, etcdlease.ValidateTTL(24*time.Hour))
}

// After a restart of etcd a lease gets its whole TTL again. What could not be revoked
// before must not stand in the way for that long.
func TestLeasesThatCouldNotBeRevokedAreRevokedLater(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	client := server.Client(t)
	lessor := etcdlease.NewLessor(client, 60*time.Second, proof.SystemClock, slog.New(slog.DiscardHandler))
	first, err := lessor.Grant(t.Context())
	require.NoError(t, err)
	require.True(t, first.Valid())
	server.Stop()
	lessor.Revoke(t.Context(), first.ID)
	server.Restart(t)

	var second *etcdlease.Lease
	require.Eventually(t, func() bool { second, err = lessor.Grant(t.Context()); return err == nil }, 20*time.Second, 10*time.Millisecond)
	leases, err := client.Leases(t.Context())
	require.NoError(t, err)
	require.Len(t, leases.Leases, 1)
	require.Equal(t, second.ID, leases.Leases[0].ID)

	second.End()
	require.False(t, second.Valid())
	require.ErrorIs(t, second.Watch(t.Context()), etcdlease.ErrDeadline)
}

func TestLeaseThatIsGoneIsNotRenewed(t *testing.T) {
	t.Parallel()
	client := etcdtest.Start(t).Client(t)
	lessor := etcdlease.NewLessor(client, 2*time.Second, proof.SystemClock, slog.New(slog.DiscardHandler))
	lease, err := lessor.Grant(t.Context())
	require.NoError(t, err)
	_, err = client.Revoke(t.Context(), lease.ID)
	require.NoError(t, err)
	require.ErrorContains(t, lease.Renew(t.Context()), "renew lease")
	require.False(t, lease.Valid())
}
