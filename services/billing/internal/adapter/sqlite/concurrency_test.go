package sqlite

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/services/billing/internal/app"
)

// Three processes start at once on a directory that does not exist yet and then do the same six weeks of work side by
// side. Exactly one migrates and one loads the sample data, none sees SQLITE_BUSY, and the invoices are those of one
// process working alone.
func TestThreeProcessesOnOneFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/data"
	var (
		commands []*exec.Cmd
		starts   []io.WriteCloser
		logs     [3]bytes.Buffer
	)
	for i := range logs {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		cmd.Stderr = &logs[i]
		stdin, err := cmd.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		commands, starts = append(commands, cmd), append(starts, stdin)
	}
	for _, stdin := range starts {
		_, err := io.WriteString(stdin, "go\n")
		require.NoError(t, err)
	}
	var all strings.Builder
	for i, cmd := range commands {
		require.NoError(t, cmd.Wait(), logs[i].String())
		all.WriteString(logs[i].String())
	}
	require.Equal(t, 1, strings.Count(all.String(), "database migrated"), all.String())
	require.Equal(t, 1, strings.Count(all.String(), "sample data loaded"), all.String())

	shared := started(t, in(dir))
	alone := small(t)
	require.NoError(t, work(t.Context(), alone, func() {}))
	require.Equal(t, texts(t, alone, everyInvoice), texts(t, shared, everyInvoice))
	require.Equal(t, []string{"ok"}, texts(t, shared, `PRAGMA integrity_check`))
}

// A process is killed in the middle of its work; another starts on the file it left, begins from the first day, as a
// scheduler that catches up may do, and ends with the invoices of one that was never killed.
func TestAKilledProcessLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childForever+"=yes")
	cmd.Stdin = strings.NewReader("go\n")
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	progress := bufio.NewScanner(stdout)
	for range days / 3 {
		require.True(t, progress.Scan())
	}
	require.NoError(t, cmd.Process.Kill())
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)

	successor := started(t, in(dir))
	require.NoError(t, work(t.Context(), successor, func() {}))
	alone := small(t)
	require.NoError(t, work(t.Context(), alone, func() {}))
	require.Equal(t, texts(t, alone, everyInvoice), texts(t, successor, everyInvoice))
	require.Equal(t, []string{"ok"}, texts(t, successor, `PRAGMA integrity_check`))
}

// Starting at once inside one process, where the race detector sees it: several handles, each with its own connections.
func TestManyHandlesStartAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var (
		stores [8]*Store
		errs   [8]error
		wg     sync.WaitGroup
	)
	for i := range stores {
		stores[i] = unstarted(t, in(dir), seeded)
	}
	for i, s := range stores {
		wg.Go(func() {
			if errs[i] = s.Start(t.Context()); errs[i] == nil {
				errs[i] = app.NewIssuer(s, s, func() time.Time { return now }, slog.New(slog.DiscardHandler)).IssueInvoices(t.Context(), now)
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, stores[i].Close()) })
	}
	require.Equal(t, fullSample.customers, count(t, stores[0], `SELECT count(*) FROM customers`))
	require.Equal(t, fullSample.subscriptions, count(t, stores[0], `SELECT count(*) FROM subscriptions`))
}

// The promise to the scheduler, on the real store: whatever days are missed, catching up on each in order gives the
// same invoices as running on time, and catching up on the last only gives the same periods.
func TestMissedDaysEndInTheSameInvoices(t *testing.T) {
	t.Parallel()
	issueOn := func(s *Store, n int) {
		at := now.AddDate(0, 0, n)
		err := app.NewIssuer(s, s, func() time.Time { return at }, slog.New(slog.DiscardHandler)).IssueInvoices(t.Context(), at)
		require.NoError(t, err)
	}
	onTime, inOrder, latest := small(t), small(t), small(t)
	for n := range days {
		issueOn(onTime, n)
		issueOn(onTime, n) // twice changes nothing
	}
	r := rand.New(rand.NewPCG(4, 4))
	for n := 0; n < days; {
		end := min(n+1+r.IntN(9), days)
		for m := n; m < end; m++ {
			issueOn(inOrder, m)
		}
		issueOn(latest, end-1)
		n = end
	}
	require.Equal(t, texts(t, onTime, everyInvoice), texts(t, inOrder, everyInvoice))

	// The last day may be a weekend to some; two more make it up.
	const periods = `SELECT id FROM invoices ORDER BY id`
	for _, s := range []*Store{onTime, latest} {
		issueOn(s, days)
		issueOn(s, days+1)
		issueOn(s, days+2)
	}
	require.Equal(t, texts(t, onTime, periods), texts(t, latest, periods))
}
