package main

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"worksync": func() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	user, err := os.UserCacheDir()
	require.NoError(t, err)
	cache := cmp.Or(os.Getenv("GOCACHE"), filepath.Join(user, "go-build")) // a cold one would compile Go's library
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			// The workspaces have nothing but local modules, so go mod tidy must not ask anybody.
			env.Setenv("GOPROXY", "off")
			env.Setenv("GOMODCACHE", filepath.Join(env.WorkDir, ".modules"))
			env.Setenv("GOCACHE", cache)
			return nil
		},
	})
}
