package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	"example.com/baton/services/billing/internal/app"
)

const (
	// childDir makes this test binary act as one process of the service on the database in that directory.
	childDir = "BILLING_SQLITE_TEST_DIR"
	// childForever makes it begin again when it is done, until it is killed.
	childForever = "BILLING_SQLITE_TEST_FOREVER"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// now is a Wednesday noon in UTC.
var now = time.Date(2026, time.November, 18, 12, 0, 0, 0, time.UTC)

const days = 45

// smallSample is enough for tests that run for weeks: the race detector makes SQLite about thirty times slower.
var smallSample = sampleSize{customers: 60, subscriptions: 150}

// child starts on the word of its parent and then does six weeks of work: every daily run, and what became overdue.
func child(dir string) error {
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	s, err := New(Config{Dir: dir, BusyTimeout: 30 * time.Second, Seed: true}, noop.NewTracerProvider(), func() time.Time { return now }, log)
	if err != nil {
		return err
	}
	s.size = smallSample
	if err := s.Start(context.Background()); err != nil {
		return err
	}
	for again := true; again; again = os.Getenv(childForever) != "" {
		if err := work(context.Background(), s, func() { fmt.Println("a day's work is done") }); err != nil {
			return err
		}
	}
	return s.Close()
}

// work calls done after each day.
func work(ctx context.Context, s *Store, done func()) error {
	log := slog.New(slog.DiscardHandler)
	for n := range days {
		at := now.AddDate(0, 0, n)
		clock := func() time.Time { return at }
		if err := app.NewIssuer(s, s, clock, log).IssueInvoices(ctx, at); err != nil {
			return err
		}
		if err := app.NewCloser(s, clock, log).CloseOverdue(ctx); err != nil {
			return err
		}
		done()
	}
	return nil
}

type option func(*Config, *trace.TracerProvider)

func seeded(c *Config, _ *trace.TracerProvider) { c.Seed = true }

func in(dir string) option { return func(c *Config, _ *trace.TracerProvider) { c.Dir = dir } }

func traced(tp trace.TracerProvider) option {
	return func(_ *Config, p *trace.TracerProvider) { *p = tp }
}

func unstarted(t testing.TB, options ...option) *Store {
	t.Helper()
	cfg := Config{Dir: t.TempDir(), BusyTimeout: 30 * time.Second}
	var tp trace.TracerProvider = noop.NewTracerProvider()
	for _, o := range options {
		o(&cfg, &tp)
	}
	s, err := New(cfg, tp, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return s
}

// start starts a store that is closed when the test ends.
func start(t testing.TB, s *Store) *Store {
	t.Helper()
	require.NoError(t, s.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// small is started with a little sample data.
func small(t testing.TB) *Store {
	t.Helper()
	s := unstarted(t, seeded)
	s.size = smallSample
	return start(t, s)
}

func started(t testing.TB, options ...option) *Store {
	t.Helper()
	return start(t, unstarted(t, options...))
}

// texts returns the rows of a query of one text column.
func texts(t testing.TB, s *Store, query string, args ...any) []string {
	t.Helper()
	rows, err := s.read.QueryContext(t.Context(), query, args...)
	require.NoError(t, err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var v string
		require.NoError(t, rows.Scan(&v))
		all = append(all, v)
	}
	require.NoError(t, rows.Err())
	return all
}

func count(t testing.TB, s *Store, query string, args ...any) int {
	t.Helper()
	var n int
	require.NoError(t, s.read.QueryRowContext(t.Context(), query, args...).Scan(&n))
	return n
}

func run(t testing.TB, s *Store, statement string, args ...any) {
	t.Helper()
	_, err := s.write.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err)
}

// everyInvoice is each invoice as one line, without the run that wrote it.
const everyInvoice = `SELECT id || ' ' || period_end || ' ' || issued_on || ' ' || due_on || ' ' || amount || ' ' || currency || ' ' || state
FROM invoices ORDER BY id`
