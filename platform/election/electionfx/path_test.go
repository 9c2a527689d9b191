package electionfx

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPathMustNotMeetTheRecords(t *testing.T) {
	t.Parallel()
	const prefix = "/prod/baton"
	for _, path := range []string{"", "/gocron/elector", "/prod/baton-leader", "/prod/elect", "prod"} {
		require.NoError(t, checkPath(path, prefix), path)
	}
	for _, path := range []string{"/prod", prefix, "/prod/baton/billing/leader"} {
		require.ErrorContains(t, checkPath(path, prefix), "must neither contain nor lie in etcd.prefix, /prod/baton", path)
	}
}

func TestUnusablePathIsRefused(t *testing.T) {
	t.Parallel()
	c := DefaultConfig()
	c.Path = "/gocron/elector"
	require.NoError(t, c.Validate())
	c.Path = "a\nb"
	require.ErrorContains(t, c.Validate(), "control characters")
}
