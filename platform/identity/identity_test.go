package identity_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/baton/platform/identity"
)

func TestCheckInstance(t *testing.T) {
	t.Parallel()
	for _, ok := range []string{"billing-1", "a", "10.0.0.1", "Pod_x.y-z"} {
		require.NoError(t, identity.CheckInstance(ok), ok)
	}
	for _, bad := range []string{"", "a/b", "-a", "a b", "ü", strings.Repeat("a", 129)} {
		require.ErrorContains(t, identity.CheckInstance(bad), "instance id", bad)
	}
}

func FuzzDefaultInstanceIsValid(f *testing.F) {
	for _, host := range []string{"", "pod-7", "ünï/x", "-x", strings.Repeat("h", 300)} {
		f.Add(host, 4711)
	}
	f.Fuzz(func(t *testing.T, host string, pid int) {
		if pid < 0 {
			t.Skip()
		}
		require.NoError(t, identity.CheckInstance(identity.DefaultInstance(host, pid)))
	})
}
