package schedulingtest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/platform/scheduling"
	"example.com/baton/platform/scheduling/schedulingtest"
)

// A checker that finds nothing wrong proves nothing until it has found something.
func TestCheckFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	at := func(hour int) time.Time { return day.Add(time.Duration(hour) * time.Hour) }
	ran := func(hour int) scheduling.Record {
		return scheduling.Record{Job: "j", Due: at(hour), State: scheduling.StateSucceeded}
	}
	skipped := func(from, to, count int) scheduling.Record {
		return scheduling.Record{Job: "j", Due: at(to), From: at(from), Count: count, State: scheduling.StateSkipped}
	}
	for name, c := range map[string]struct {
		records []scheduling.Record
		faults  []string
	}{
		"right":           {[]scheduling.Record{ran(1), skipped(2, 3, 2), ran(4)}, nil},
		"missing":         {[]scheduling.Record{ran(1), ran(2), ran(4)}, []string{"03:00:00Z: no record"}},
		"twice":           {[]scheduling.Record{ran(1), ran(2), ran(3), ran(3), ran(4)}, []string{"covered by"}},
		"row over a run":  {[]scheduling.Record{ran(1), ran(2), skipped(2, 3, 2), ran(4)}, []string{"covered by"}},
		"wrong count":     {[]scheduling.Record{ran(1), skipped(2, 3, 5), ran(4)}, []string{"says 5"}},
		"outside":         {[]scheduling.Record{ran(1), ran(2), ran(3), ran(4), ran(5)}, []string{"outside"}},
		"nothing was due": {[]scheduling.Record{ran(1), ran(2), ran(3), ran(4), {Job: "j", Due: at(1).Add(time.Minute)}}, []string{"not due"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := schedulingtest.Check(scheduling.Every(time.Hour), day, at(4), c.records)
			require.Equal(t, 4, v.Due)
			require.Len(t, v.Faults, len(c.faults), v.Faults)
			for i, want := range c.faults {
				require.Contains(t, v.Faults[i], want)
			}
		})
	}
}
