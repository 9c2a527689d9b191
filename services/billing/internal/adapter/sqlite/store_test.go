package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace/noop"
)

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	_, err := New(Config{BusyTimeout: time.Microsecond}, noop.NewTracerProvider(), time.Now, slog.New(slog.DiscardHandler))
	require.EqualError(t, err, "sqlite: directory \"\": must be set\nsqlite: busy timeout 1µs: must be at least 1ms")
}

func TestStartMakesTheDirectory(t *testing.T) {
	t.Parallel()
	// Characters that mean something in a URI.
	dir := filepath.Join(t.TempDir(), "a b", "100%25?#x")
	s := unstarted(t, in(dir))
	_, err := os.Stat(dir)
	require.ErrorIs(t, err, fs.ErrNotExist, "New touches no file")

	start(t, s)
	require.NoError(t, s.Ready(t.Context()))
	require.FileExists(t, filepath.Join(dir, "billing.db"))
	require.EqualError(t, s.Start(t.Context()), "sqlite: started twice")
	require.NoError(t, started(t, in(dir)).Ready(t.Context()), "a second process finds everything in place")
	require.Zero(t, count(t, s, `SELECT count(*) FROM customers`), "sample data only when asked for")
}

func TestConnectionsAreSetUp(t *testing.T) {
	t.Parallel()
	s := started(t)
	for pragma, want := range map[string]string{"journal_mode": "wal", "foreign_keys": "1", "busy_timeout": "30000", "synchronous": "1"} {
		for _, db := range []*sql.DB{s.read, s.write} {
			var got string
			require.NoError(t, db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
			require.Equal(t, want, got, pragma)
		}
	}
	_, err := s.read.ExecContext(t.Context(), `DELETE FROM customers`)
	require.ErrorContains(t, err, "readonly", "the reading side cannot write")
}

func TestStartWaitsForItsTurnAndGivesUpWithTheContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other := flock.New(filepath.Join(dir, "billing.db.lock"))
	locked, err := other.TryLock()
	require.NoError(t, err)
	require.True(t, locked)

	s := unstarted(t, in(dir))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.Start(ctx), context.DeadlineExceeded)

	require.NoError(t, other.Close())
	start(t, s)
}

func TestAFileThatIsNoDatabaseFailsTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "billing.db"), bytes.Repeat([]byte("no database "), 1000), 0o600))
	err := unstarted(t, in(dir)).Start(t.Context())
	require.ErrorContains(t, err, "sqlite: migrate "+filepath.Join(dir, "billing.db"))
	require.ErrorContains(t, err, "not a database")
}

func TestMigrationsCanBeUndoneAndRedone(t *testing.T) {
	t.Parallel()
	s := started(t)
	steps, err := fs.Sub(migrations, "migrations")
	require.NoError(t, err)
	m, err := goose.NewProvider(goose.DialectSQLite3, s.write, steps)
	require.NoError(t, err)
	_, err = m.DownTo(t.Context(), 0)
	require.NoError(t, err)
	require.Empty(t, texts(t, s, `SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version'`))
	require.NoError(t, s.prepare(t.Context()))
	require.NoError(t, s.Ready(t.Context()))
}

func TestTransactRollsBack(t *testing.T) {
	t.Parallel()
	s := started(t)
	no := errors.New("no")
	err := s.transact(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), insertCustomer, "c-1", "Alder Bakery", "UTC", 14)
		require.NoError(t, err)
		return no
	})
	require.ErrorIs(t, err, no)
	require.Zero(t, count(t, s, `SELECT count(*) FROM customers`))

	ctx, cancel := context.WithCancelCause(t.Context())
	err = s.transact(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, insertCustomer, "c-1", "Alder Bakery", "UTC", 14)
		cancel(no)
		return err
	})
	require.Error(t, err)
	require.Zero(t, count(t, s, `SELECT count(*) FROM customers`))
}

// A transaction that reads before it writes must not find, at the write, that another process was faster: SQLite
// would refuse it at once, however long the busy timeout is.
func TestATransactionHoldsTheWriteLockFromItsBeginning(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := started(t, in(dir)), started(t, in(dir))
	add := func(ctx context.Context, tx *sql.Tx, id string) error {
		_, err := tx.ExecContext(ctx, insertCustomer, id, "Alder Bakery", "UTC", 14)
		return err
	}
	require.NoError(t, a.transact(t.Context(), func(tx *sql.Tx) error {
		var n int
		require.NoError(t, tx.QueryRowContext(t.Context(), `SELECT count(*) FROM customers`).Scan(&n))
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		err := b.transact(ctx, func(tx *sql.Tx) error { return add(ctx, tx, "c-2") })
		require.ErrorIs(t, err, context.DeadlineExceeded, "it waits for its turn")
		return add(t.Context(), tx, "c-1")
	}))
	require.NoError(t, b.transact(t.Context(), func(tx *sql.Tx) error { return add(t.Context(), tx, "c-2") }))
	require.Equal(t, []string{"c-1", "c-2"}, texts(t, a, `SELECT id FROM customers ORDER BY id`))
}
