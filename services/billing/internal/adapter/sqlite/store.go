// Package sqlite keeps customers, subscriptions and invoices in one SQLite file, which several processes on one
// machine may have open at once. It is not for a network file system, where SQLite's locks do not hold, and it decides
// nothing: what is due and what is late is the domain's.
//
// Its invariant: a subscription has at most one invoice per period, and how far it has been invoiced is stored in the
// same transaction as the invoices.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
	"go.opentelemetry.io/otel/trace"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"example.com/baton/services/billing/internal/app"
)

//go:embed migrations/*.sql
var migrations embed.FS

var (
	_ app.Subscriptions = (*Store)(nil)
	_ app.InvoiceBook   = (*Store)(nil)
	_ app.OpenInvoices  = (*Store)(nil)
)

// Config is where the file is and how it is used.
type Config struct {
	Dir string // holds billing.db and its lock; made by Start if it is missing
	// BusyTimeout is how long a write waits for the writes of other processes before it fails. More than zero.
	BusyTimeout time.Duration
	// Seed fills an empty database with sample data; see [Store.Start].
	Seed bool
}

// Store is the database. Its methods are safe for concurrent use once Start has returned.
type Store struct {
	cfg    Config
	now    app.Clock
	tracer trace.Tracer
	log    *slog.Logger
	size   sampleSize

	// SQLite has one writer at a time. Writes of this process queue for the one connection of write, in order; left to
	// SQLite they would poll for the lock and could starve. Reads never wait for a write.
	write, read *sql.DB
}

// New makes a Store, which does nothing before Start: a program that only lists its jobs must not make a database.
func New(cfg Config, tp trace.TracerProvider, now app.Clock, log *slog.Logger) (*Store, error) {
	var bad []error
	if cfg.Dir == "" {
		bad = append(bad, errors.New("sqlite: directory \"\": must be set"))
	}
	if cfg.BusyTimeout < time.Millisecond {
		bad = append(bad, fmt.Errorf("sqlite: busy timeout %s: must be at least 1ms", cfg.BusyTimeout))
	}
	if err := errors.Join(bad...); err != nil {
		return nil, err
	}
	return &Store{cfg: cfg, now: now, log: log, size: fullSample,
		tracer: tp.Tracer("example.com/baton/services/billing/internal/adapter/sqlite")}, nil
}

func (s *Store) path() string { return filepath.Join(s.cfg.Dir, "billing.db") }

func (s *Store) dsn(q url.Values) string {
	q.Set("_busy_timeout", strconv.FormatInt(s.cfg.BusyTimeout.Milliseconds(), 10))
	q.Set("_journal_mode", "WAL")
	q.Set("_foreign_keys", "on")
	// With WAL, NORMAL can lose the last transactions in a power cut but never damages the file, and each of this
	// service's writes can be repeated.
	q.Set("_synchronous", "NORMAL")
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: s.path()}).EscapedPath(), RawQuery: q.Encode()}).String()
}

// Start opens the file, brings its schema up to date and, if the configuration says so and there is no customer yet,
// loads the sample data in one transaction. It comes before all other methods, once; after an error there is nothing
// to close.
//
// Any number of processes may start at once: they take turns, by a lock on a file beside the database. SQLite's own
// locks do not serve here: the switch to WAL does not wait for them, and two migrators would find the same step to do.
func (s *Store) Start(ctx context.Context) (err error) {
	if s.write != nil {
		return errors.New("sqlite: started twice")
	}
	if err := os.MkdirAll(s.cfg.Dir, 0o750); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	lock := flock.New(s.path() + ".lock")
	// It returns true or an error. It polls; turns are short.
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return errors.Join(fmt.Errorf("sqlite: wait for other processes to start: %w", err), lock.Close())
	}
	defer func() { err = errors.Join(err, lock.Close()) }()

	if err := s.open(); err != nil {
		return fmt.Errorf("sqlite: open %s: %w", s.path(), err)
	}
	if err := s.prepare(ctx); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

func (s *Store) open() (err error) {
	// Immediate transactions take the write lock when they begin. A deferred one that reads first and writes later can
	// find that it may not, and then no waiting helps: SQLITE_BUSY at once.
	if s.write, err = sql.Open("sqlite", s.dsn(url.Values{"_txlock": {"immediate"}})); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if s.read, err = sql.Open("sqlite", s.dsn(url.Values{"_query_only": {"true"}})); err != nil {
		return errors.Join(err, s.write.Close())
	}
	s.read.SetMaxOpenConns(4)
	return nil
}

func (s *Store) prepare(ctx context.Context) error {
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	migrator, err := goose.NewProvider(goose.DialectSQLite3, s.write, steps, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("sqlite: read migrations: %w", err)
	}
	done, err := migrator.Up(ctx)
	if err != nil {
		return fmt.Errorf("sqlite: migrate %s: %w", s.path(), err)
	}
	for _, m := range done {
		s.log.InfoContext(ctx, "database migrated", "version", m.Source.Version, "duration", m.Duration)
	}
	if s.cfg.Seed {
		return s.seed(ctx)
	}
	return nil
}

// Close closes the file. A transaction that is under way ends first.
func (s *Store) Close() error { return errors.Join(s.read.Close(), s.write.Close()) }

// Ready returns an error when the database cannot be read.
func (s *Store) Ready(ctx context.Context) error {
	var n int
	// A table of ours, because a statement without one does not open the file.
	if err := s.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM customers)`).Scan(&n); err != nil {
		return fmt.Errorf("sqlite: read %s: %w", s.path(), err)
	}
	return nil
}

// transact runs f in a write transaction, which is committed when f returns nil.
func (s *Store) transact(ctx context.Context, f func(*sql.Tx) error) (err error) {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		// After ctx has ended the transaction is rolled back already.
		if e := tx.Rollback(); e != nil && !errors.Is(e, sql.ErrTxDone) {
			err = errors.Join(err, e)
		}
		return err
	}
	return tx.Commit()
}
