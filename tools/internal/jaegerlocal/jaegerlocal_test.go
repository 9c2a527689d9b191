package jaegerlocal

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.com/baton/tools/internal/proc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const gomod = "module example.com/j\n\ngo 1.26.0\n\nrequire " + modulePath + " v1.76.0\n"

// module writes a module and keeps the cache below the test's own directory.
func module(t *testing.T, gomod, gosum string) string {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", filepath.Join(os.Getenv("HOME"), "cache"))
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(gomod), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.sum"), []byte(gosum), 0o644))
	return dir
}

func TestTheCacheChangesWithTheModule(t *testing.T) {
	a, err := Open(module(t, gomod, "x"))
	require.NoError(t, err)
	require.Equal(t, "v1.76.0", a.Version)
	require.False(t, a.Cached())
	require.Contains(t, a.Binary(), filepath.Join("baton", "jaeger-v1.76.0-"))
	b, err := Open(module(t, gomod, "y"))
	require.NoError(t, err)
	require.NotEqual(t, filepath.Base(filepath.Dir(a.Binary())), filepath.Base(filepath.Dir(b.Binary())))
}

func TestAModuleWithoutJaegerIsRefused(t *testing.T) {
	_, err := Open(module(t, "module example.com/j\n\ngo 1.26.0\n", ""))
	require.ErrorContains(t, err, "does not require "+modulePath)
	_, err = Open(t.TempDir())
	require.ErrorContains(t, err, "go.mod")
}

func TestAFailedOrCancelledBuildLeavesNothingInTheCache(t *testing.T) {
	dir := module(t, gomod, "") // no sums: the Go command refuses at once, without the network
	t.Setenv("GOFLAGS", "")
	t.Setenv("GOPROXY", "off")
	m, err := Open(dir)
	require.NoError(t, err)
	g := proc.NewGroup()
	defer g.Close()

	err = m.Build(t.Context(), g, t.TempDir(), nil)
	require.ErrorContains(t, err, "build jaeger")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, m.Build(ctx, g, t.TempDir(), nil))

	require.False(t, m.Cached())
	left, err := os.ReadDir(filepath.Dir(m.Binary()))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestALostPortIsNotTheDefaultAgain(t *testing.T) {
	t.Parallel()
	second, err := queryAddress(2)
	require.NoError(t, err)
	require.NotEqual(t, "127.0.0.1:16686", second)
}
