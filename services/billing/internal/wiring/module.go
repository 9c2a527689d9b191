// Package wiring puts billing together: it is the only package of the service that knows fx, and it decides nothing
// that is not about who is given what.
package wiring

import (
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/fx"

	"example.com/baton/platform/config/configfx"
	"example.com/baton/platform/httpserver"
	"example.com/baton/platform/httpserver/httpserverfx"
	"example.com/baton/platform/platformfx"
	"example.com/baton/services/billing/internal/adapter/sqlite"
	"example.com/baton/services/billing/internal/app"
)

// Module is the service billing.
var Module = fx.Module("billing",
	Jobs,
	configfx.Section("store", StoreConfig{BusyTimeout: 10 * time.Second}),
	httpserverfx.Ready(newReadyCheck),
	fx.Supply(app.Clock(time.Now)),
	fx.Provide(
		fx.Annotate(newStore, fx.As(fx.Self()), fx.As(new(app.Subscriptions)), fx.As(new(app.InvoiceBook)), fx.As(new(app.OpenInvoices))),
		fx.Annotate(app.NewIssuer, fx.As(new(app.InvoiceIssuer))),
		fx.Annotate(app.NewCloser, fx.As(new(app.OverdueCloser))),
	),
)

// StoreConfig is the section store.
type StoreConfig struct {
	Seed        bool          `koanf:"seed" doc:"fill an empty database with made-up customers; for laptops"`
	BusyTimeout time.Duration `koanf:"busy_timeout" validate:"min=1ms" doc:"how long a write waits for writes of other processes"`
}

// StoreParams are what the store needs.
type StoreParams struct {
	fx.In

	Lifecycle fx.Lifecycle
	Data      platformfx.Data
	Config    StoreConfig
	Traces    trace.TracerProvider
	Clock     app.Clock
	Log       *slog.Logger
}

func newStore(p StoreParams) (*sqlite.Store, error) {
	s, err := sqlite.New(sqlite.Config{Dir: p.Data.Dir, BusyTimeout: p.Config.BusyTimeout, Seed: p.Config.Seed}, p.Traces, p.Clock, p.Log)
	if err != nil {
		return nil, err
	}
	p.Lifecycle.Append(fx.StartStopHook(s.Start, s.Close))
	return s, nil
}

func newReadyCheck(s *sqlite.Store) httpserver.Check {
	return httpserver.Check{Name: "database", Func: s.Ready}
}
