package electionfx_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/platform/config"
	"example.com/baton/platform/election/electionfx"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, ttl := range []time.Duration{time.Second, 5 * time.Second, 24 * time.Hour} {
		require.NoError(t, electionfx.Config{TTL: ttl}.Validate(), ttl)
	}
	for _, ttl := range []time.Duration{0, -time.Second, 500 * time.Millisecond, 1500 * time.Millisecond, 25 * time.Hour} {
		problem, ok := errors.AsType[config.Problem](electionfx.Config{TTL: ttl}.Validate())
		require.True(t, ok, ttl)
		require.Equal(t, config.Problem{Key: "ttl", Value: ttl, Rule: "must be whole seconds, from 1s to 24h: etcd grants nothing else"}, problem)
	}
}
