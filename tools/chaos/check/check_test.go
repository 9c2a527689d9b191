package check_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/tools/chaos/check"
	"example.com/baton/tools/internal/fleet"
)

var start = time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

// history makes records of lines "<second> <source> <message> <token> [<run> <attempt>]" and, for the
// message of a proof, "<second> <source> proof ended <token> <last> <until>".
func history(lines ...string) check.History {
	j := fleet.NewJournal(nil)
	for _, l := range lines {
		f := append(strings.Fields(l), "", "")
		var second float64
		_, _ = fmt.Sscan(f[0], &second)
		line := fmt.Sprintf(`{"time":%q,"msg":%q,"group":"g","token":%s`, at(second).Format(time.RFC3339Nano), f[2]+" "+f[3], f[4])
		switch {
		case f[2] == "proof":
			var last, until float64
			_, _ = fmt.Sscan(f[5]+" "+f[6], &last, &until)
			line += fmt.Sprintf(`,"last":%q,"until":%q`, at(last).Format(time.RFC3339Nano), at(until).Format(time.RFC3339Nano))
		case f[5] != "":
			line += fmt.Sprintf(`,"run_id":%q,"attempt":%s`, f[5], f[6])
		}
		j.Add(f[1], line+"}")
	}
	return check.History{Records: j.Since(0), From: at(0), To: at(100)}
}

func TestAGoodHistory(t *testing.T) {
	t.Parallel()
	h := history(
		"0 a term started 5", "1 a run started 5 r1 1", "3 a term ended 5",
		"4 b term started 6", "5 b run started 6 r1 2", "6 b run started 6 r2 1", "99 b term ended 6")
	h.Due = []string{"r1", "r2"}
	r := check.Check(h)
	require.Equal(t, check.Report{Terms: 2, Changes: 1, Overlap: -time.Second, Repeats: 1, Leaderless: time.Second}, r)
}

func TestTheOrderOfTheLinesDoesNotMatter(t *testing.T) {
	t.Parallel()
	r := check.Check(history("4 b term started 6", "3 a term ended 5", "0 a term started 5"))
	require.Equal(t, -time.Second, r.Overlap)
	require.Empty(t, r.Broken)
}

func TestPlantedHarm(t *testing.T) {
	t.Parallel()
	overlaps := func(r check.Report) []string { return r.Overlaps }
	stale := func(r check.Report) []string { return r.Stale }
	duplicates := func(r check.Report) []string { return r.Duplicates }
	missing := func(r check.Report) []string { return r.Missing }
	broken := func(r check.Report) []string { return r.Broken }
	for _, tt := range []struct {
		name  string
		lines []string
		found func(check.Report) []string
		says  string
	}{
		{"overlap", []string{"0 a term started 5", "2 b term started 6", "3 a term ended 5"}, overlaps, "a led with token 5 until"},
		{"overlap without an end", []string{"0 a term started 5", "2 b term started 6"}, overlaps, "a led with token 5 until"},
		{"overlap with the one after the next", []string{"0 a term started 5", "2 b term started 6", "3 b term ended 6", "4 c term started 7", "5 a term ended 5"}, overlaps, "c with token 7"},
		{"overlap in the proof", []string{"0 a term started 5", "2 b term started 6", "1 a proof ended 5 2.5 2.6"}, overlaps, "a led with token 5 until"},
		{"stale run", []string{"0 a term started 5", "1 a term ended 5", "2 b term started 6", "3 a run started 5 r1 1"}, stale, "after token 6 began"},
		{"duplicate", []string{"0 a term started 5", "1 a run started 5 r1 1", "2 a run started 5 r1 1"}, duplicates, "started twice"},
		{"duplicate on another", []string{"0 a term started 5", "1 a run started 5 r1 1", "2 a term ended 5", "3 b term started 6", "4 b run started 6 r1 1"}, duplicates, "started twice"},
		{"missing", []string{"0 a term started 5"}, missing, "r1"},
		{"missing although finished", []string{"0 a term started 5", "1 a run finished 5 r1 1"}, missing, "r1"},
		{"token that did not grow", []string{"0 a term started 6", "1 a term ended 6", "2 b term started 5"}, broken, "token 5 began after 6"},
		{"token twice", []string{"0 a term started 5", "1 a term ended 5", "2 b term started 5"}, broken, "used twice"},
		{"foreign term", []string{"0 a term started 5", "1 b run started 5 r1 1"}, broken, "without a term"},
		{"run before its term", []string{"1 a run started 5 r1 1", "2 a term started 5"}, broken, "without a term"},
		{"run after its term", []string{"0 a term started 5", "1 a term ended 5", "1.02 a run started 5 r1 1"}, broken, "although its term had ended"},
		{"end without beginning", []string{"0 a term ended 5"}, broken, "without a beginning"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := history(tt.lines...)
			h.Due = []string{"r1"}
			require.Contains(t, fmt.Sprint(tt.found(check.Check(h))), tt.says)
		})
	}
}

func TestAKilledProcessLedUntilItWasKilled(t *testing.T) {
	t.Parallel()
	h := history("0 a term started 5", "2 a run started 5 r1 1", "4 b term started 6")
	h.Killed = map[string]time.Time{"a": at(3)}
	r := check.Check(h)
	require.Equal(t, -time.Second, r.Overlap)

	h = history("0 a term started 5", "5 a run started 5 r1 1", "4 b term started 6")
	h.Killed = map[string]time.Time{"a": at(3)}
	r = check.Check(h)
	require.Equal(t, time.Second, r.Overlap, "what it wrote says that it lived")
	require.Len(t, r.Stale, 1)
}

func TestAFrozenProcessLedUntilItFroze(t *testing.T) {
	t.Parallel()
	lines := []string{"0 a term started 5", "4 b term started 6", "9 a proof ended 5 2 9", "9 a term ended 5"}
	h := history(lines...)
	h.Frozen = []check.Frozen{{Source: "a", From: at(2), To: at(8)}}
	require.Equal(t, -2*time.Second, check.Check(h).Overlap)
	require.Equal(t, 5*time.Second, check.Check(history(lines...)).Overlap, "nobody froze it: it may have acted")

	h = history("0 a term started 5", "4 b term started 6", "9 a proof ended 5 8.5 9")
	h.Frozen = []check.Frozen{{Source: "a", From: at(2), To: at(8)}}
	require.Equal(t, 5*time.Second, check.Check(h).Overlap, "it still believed in its lead after it woke up")
}

func TestTimeWithoutALeader(t *testing.T) {
	t.Parallel()
	h := history("0 a term started 5", "3 a term ended 5", "10 b term started 6")
	require.Equal(t, 7*time.Second, check.Check(h).Leaderless)
	h.From, h.To = at(4), at(9)
	require.Equal(t, 5*time.Second, check.Check(h).Leaderless)
	h = history("0 a term started 5", "3 a term ended 5")
	require.Equal(t, 97*time.Second, check.Check(h).Leaderless)
}
