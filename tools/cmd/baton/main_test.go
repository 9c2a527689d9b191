package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

func TestExitCodes(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want int
	}{
		{"unknown command", []string{"nope"}, exitUsage},
		{"unknown flag", []string{"up", "--nope"}, exitUsage},
		{"bad value", []string{"up", "--etcd", "2"}, exitUsage},
		{"missing argument", []string{"trace"}, exitUsage},
		{"bad url", []string{"trace", "a@b", "--jaeger", "nope"}, exitUsage},
		{"flags that exclude each other", []string{"trace", "a@b", "--json", "--svg", "x"}, exitUsage},
		{"nobody listens", []string{"trace", "ab", "--jaeger", "http://127.0.0.1:1"}, exitFailure},
		{"no repository", []string{"up", "--dir", t.TempDir()}, exitFailure},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, run(tt.args))
		})
	}
}

func TestEveryCommandTeachesByExample(t *testing.T) {
	t.Parallel()
	for _, c := range newRoot().Commands() {
		if !c.Runnable() || c.Hidden {
			continue
		}
		require.Contains(t, c.Example, "baton "+c.Name(), c.Name())
		require.Contains(t, help(t, c), "Exit codes:", c.Name())
	}
}

func help(t *testing.T, c *cobra.Command) string {
	t.Helper()
	var b bytes.Buffer
	c.SetOut(&b)
	require.NoError(t, c.Help())
	return strings.TrimSpace(b.String())
}

func TestTheEndOfTheParentStopsBaton(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	stopped := make(chan struct{}, 100)
	inner, stop := context.WithCancel(ctx)
	awaitOrphaned(inner, -1, func() { stopped <- struct{}{}; stop() })
	require.NoError(t, ctx.Err())
	require.Len(t, stopped, 1)
}
