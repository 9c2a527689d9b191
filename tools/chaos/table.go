package chaos

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// WriteTable writes one line for each result, as a Markdown table.
func WriteTable(w io.Writer, results []Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprintln(t, "| fault\t| rounds\t| overlap (max)\t| stale runs\t| duplicates\t| missing\t| repeats\t| no leader, median\t| max\t|")
	fmt.Fprintln(t, "|---\t|---\t|---\t|---\t|---\t|---\t|---\t|---\t|---\t|")
	for _, r := range results {
		overlap := "–"
		if r.Report.Changes > 0 {
			overlap = round3(r.Report.Overlap).String()
		}
		fmt.Fprintf(t, "| %s\t| %d\t| %s\t| %d\t| %d\t| %d\t| %d\t| %s\t| %s\t|\n", r.Fault.Name, r.Rounds, overlap,
			len(r.Report.Stale), len(r.Report.Duplicates), len(r.Report.Missing), r.Report.Repeats,
			round3(Median(r.Leaderless)), round3(Max(r.Leaderless)))
	}
	return t.Flush()
}

// Median returns the middle of the values, 0 of none.
func Median(values []time.Duration) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

// Max returns the largest value, 0 of none.
func Max(values []time.Duration) time.Duration {
	if len(values) == 0 {
		return 0
	}
	return slices.Max(values)
}

// round3 keeps about three digits.
func round3(d time.Duration) time.Duration {
	for unit := time.Second; unit > time.Microsecond; unit /= 10 {
		if d.Abs() >= unit {
			return d.Round(unit / 100)
		}
	}
	return d.Round(100 * time.Nanosecond)
}
