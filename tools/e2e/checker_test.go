package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/tools/internal/fleet"
)

// history builds records as replicas would log them, one second apart:
// "<instance> <message of two words> <token> [<run> <attempt>]".
func history(lines ...string) []fleet.Record {
	j := fleet.NewJournal(nil)
	start := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	for i, l := range lines {
		f := append(strings.Fields(l), "", "")
		at := start.Add(time.Duration(i) * time.Second).Format(time.RFC3339Nano)
		j.Add(f[0], fmt.Sprintf(`{"time":%q,"msg":%q,"instance":%q,"group":"default","token":%s,"run_id":%q,"attempt":%q}`,
			at, f[1]+" "+f[2], f[0], f[3], f[4], f[5]))
	}
	return j.Since(0)
}

func TestTheCheckerSeesEveryKindOfHarm(t *testing.T) {
	t.Parallel()
	good := history(
		"a term started 5", "a run started 5 r1 1", "a term ended 5", "b term started 6", "b run started 6 r1 2", "b run started 6 r2 1",
	)
	never := func(string) bool { return false }
	require.Empty(t, check(good, never))

	tests := []struct {
		name  string
		lines []string
		says  string
	}{
		{"twice", []string{"a term started 5", "a run started 5 r1 1", "a run started 5 r1 1"}, "r1 attempt 1 started on a and on a"},
		{"overlap", []string{"a term started 5", "b term started 6", "a term ended 5"}, "began before"},
		{"old token", []string{"a term started 5", "a term ended 5", "b term started 4"}, "does not follow"},
		{"after the end", []string{"a term started 5", "a term ended 5", "a run started 5 r1 1"}, "after its term had ended"},
		{"foreign term", []string{"a term started 5", "b run started 5 r1 1"}, "had no term"},
		{"end without beginning", []string{"a term ended 5"}, "without a beginning"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, fmt.Sprint(check(history(tt.lines...), never)), tt.says)
		})
	}
	crash := history("a term started 5", "b term started 6")
	require.NotEmpty(t, check(crash, never))
	require.Empty(t, check(crash, func(token string) bool { return token == "5" }))
}
