package chaos_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.com/baton/tools/chaos"
	"example.com/baton/tools/chaos/lab"
	"example.com/baton/tools/internal/proc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestFaults runs real processes: BATON_CHAOS=short the selection that is quick enough for every
// change, BATON_CHAOS=full the whole matrix on one and on three members of etcd.
func TestFaults(t *testing.T) {
	var names []string
	members := []int{1}
	switch os.Getenv("BATON_CHAOS") {
	case "":
		t.Skip("starts and kills processes for a minute and more: set BATON_CHAOS=short or BATON_CHAOS=full")
	case "short":
		names = chaos.Short
	case "full":
		names, members = []string{"all"}, []int{1, 3}
	default:
		require.FailNow(t, "BATON_CHAOS must be short or full")
	}
	faults, err := chaos.Select(names...)
	require.NoError(t, err)
	cfg := chaos.Config{Group: proc.NewGroup(), Dir: t.TempDir(), TTL: 2 * time.Second, Rounds: 1, Jobs: 5, Progress: t.Output()}
	t.Cleanup(cfg.Group.Close)
	cfg.Binaries, err = lab.Build(t.Context(), cfg.Group, cfg.Dir)
	require.NoError(t, err)
	for _, cfg.Members = range members {
		var results []chaos.Result
		for _, f := range faults {
			if f.Members > cfg.Members {
				continue
			}
			t.Run(f.Name, func(t *testing.T) {
				result, err := chaos.Run(t.Context(), cfg, f)
				require.NoError(t, err)
				results = append(results, result)
				for _, v := range result.Violations {
					t.Error(v)
				}
			})
		}
		require.NoError(t, chaos.WriteTable(t.Output(), results))
	}
}

func TestSelect(t *testing.T) {
	t.Parallel()
	short, err := chaos.Select(chaos.Short...)
	require.NoError(t, err)
	require.Len(t, short, len(chaos.Short))
	all, err := chaos.Select("kill", "all")
	require.NoError(t, err)
	require.Len(t, all, len(chaos.Faults))
	_, err = chaos.Select("flood")
	require.ErrorContains(t, err, `no fault "flood"; there is: all, kill,`)
}

func TestFaultNamesAreUnique(t *testing.T) {
	t.Parallel()
	var names []string
	for _, f := range chaos.Faults {
		require.NotContains(t, names, f.Name)
		require.NotEmpty(t, f.Does)
		names = append(names, f.Name)
	}
}

func TestTheTableRoundsAndAligns(t *testing.T) {
	t.Parallel()
	kill := chaos.Faults[slices.IndexFunc(chaos.Faults, func(f chaos.Fault) bool { return f.Name == "kill" })]
	r := chaos.Result{Fault: kill, Rounds: 2, Leaderless: []time.Duration{time.Second, 1234567 * time.Nanosecond}}
	r.Report.Changes, r.Report.Overlap, r.Report.Missing = 3, -12345*time.Microsecond, []string{"x"}
	var out lines
	require.NoError(t, chaos.WriteTable(&out, []chaos.Result{r}))
	require.Regexp(t, `\| kill +\| 2 +\| -12\.3ms +\| 0 +\| 0 +\| 1 +\| 0 +\| 501ms +\| 1s +\|`, string(out))
}

type lines []byte

func (l *lines) Write(p []byte) (int, error) { *l = append(*l, p...); return len(p), nil }

func TestMedian(t *testing.T) {
	t.Parallel()
	require.Zero(t, chaos.Median(nil))
	require.Zero(t, chaos.Max(nil))
	require.Equal(t, 2*time.Second, chaos.Median([]time.Duration{9 * time.Second, time.Second, 2 * time.Second}))
	require.Equal(t, 3*time.Second, chaos.Median([]time.Duration{4 * time.Second, 2 * time.Second}))
	require.Equal(t, 4*time.Second, chaos.Max([]time.Duration{4 * time.Second, 2 * time.Second}))
}
