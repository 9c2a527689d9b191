package wiring

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/fx"
	"go.uber.org/fx/fxtest"
	"go.uber.org/goleak"

	"example.com/baton/platform/config"
	"example.com/baton/platform/config/configfx"
	"example.com/baton/platform/httpserver"
	"example.com/baton/platform/platformfx"
	"example.com/baton/platform/scheduling"
	"example.com/baton/platform/scheduling/schedulingfx"
	"example.com/baton/services/billing/internal/app"
	"example.com/baton/services/billing/internal/app/mocks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// files reads the service's own config.yaml, and the given files beside it.
func files(names ...string) config.Input {
	return config.Input{Service: "billing", Files: names, ReadFile: func(name string) ([]byte, error) {
		return os.ReadFile(filepath.Join("..", "..", name))
	}}
}

func TestTheGraphIsComplete(t *testing.T) {
	t.Parallel()
	require.NoError(t, fx.ValidateApp(platformfx.App("billing", files(), Module)))
}

// ports are the driving ports as mocks: what the jobs of a service built by jobs call.
type ports struct {
	closer *mocks.MockOverdueCloser
	issuer *mocks.MockInvoiceIssuer
}

// graph is the service with the part of the platform that knows jobs, and without what talks to etcd.
func graph(in config.Input, dir string, opts ...fx.Option) fx.Option {
	return fx.Options(Module, schedulingfx.Module, configfx.Load(in),
		fx.Supply(platformfx.Data{Dir: dir}, slog.New(slog.DiscardHandler)),
		fx.Provide(func() trace.TracerProvider { return noop.NewTracerProvider() }),
		fx.Options(opts...))
}

// jobs builds the service with mocked ports, without starting it.
func jobs(t *testing.T, in config.Input) (*scheduling.Registry, ports) {
	t.Helper()
	ctrl := gomock.NewController(t)
	p := ports{closer: mocks.NewMockOverdueCloser(ctrl), issuer: mocks.NewMockInvoiceIssuer(ctrl)}
	var registry *scheduling.Registry
	fxtest.New(t, graph(in, t.TempDir(),
		fx.Decorate(func() app.OverdueCloser { return p.closer }),
		fx.Decorate(func() app.InvoiceIssuer { return p.issuer }),
		fx.Populate(&registry)))
	return registry, p
}

func TestJobsAndTheirSchedules(t *testing.T) {
	t.Parallel()
	type line struct{ name, schedule, catchUp string }
	for name, c := range map[string]struct {
		in   config.Input
		want []line
	}{
		"production": {files(), []line{
			{"close_overdue", "every 5m", "latest within 24h"},
			{"issue_invoices", "0 4 * * * Europe/Berlin", "all within 168h"},
		}},
		"laptop": {files("dev.yaml"), []line{
			{"close_overdue", "every 10s", "latest within 24h"},
			{"issue_invoices", "* * * * * Europe/Berlin", "all within 168h"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry, _ := jobs(t, c.in)
			var got []line
			for _, j := range registry.Jobs() {
				got = append(got, line{j.Name, j.Schedule.String(), j.CatchUp.String()})
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestJobsCallTheirPorts(t *testing.T) {
	t.Parallel()
	registry, ports := jobs(t, files())
	failed := errors.New("failed")
	due := time.Date(2026, time.November, 23, 3, 0, 0, 0, time.UTC)
	ctx := scheduling.ContextWithRun(t.Context(), scheduling.Run{ID: "close_overdue@20261123T030000Z"})

	job, ok := registry.Job("close_overdue")
	require.True(t, ok)
	ports.closer.EXPECT().CloseOverdue(ctx).Return(failed)
	require.ErrorIs(t, job.Run(ctx, scheduling.Run{Due: due}), failed)

	job, ok = registry.Job("issue_invoices")
	require.True(t, ok)
	ports.issuer.EXPECT().IssueInvoices(ctx, gomock.Any()).DoAndReturn(func(_ context.Context, day time.Time) error {
		require.Equal(t, "2026-11-23T04:00:00+01:00", day.Format(time.RFC3339), "the due time, in the schedule's zone")
		return failed
	})
	require.ErrorIs(t, job.Run(ctx, scheduling.Run{Due: due}), failed)
}

// The service's own half, started on a real file: the configuration reaches the store, the store is ready while the
// service runs, and it is closed at the end, which goleak sees.
func TestTheStoreLivesWithTheService(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	in := config.Input{Service: "billing", Env: []string{"BILLING_STORE__SEED=true"}}
	var (
		checks readyChecks
		closer app.OverdueCloser
		issuer app.InvoiceIssuer
	)
	service := fxtest.New(t, graph(in, dir, fx.Populate(&checks, &closer, &issuer)))
	require.NoDirExists(t, dir, "building the service makes no database")

	service.RequireStart()
	require.FileExists(t, filepath.Join(dir, "billing.db"))
	require.Len(t, checks.Checks, 1)
	require.Equal(t, "database", checks.Checks[0].Name)
	require.NoError(t, checks.Checks[0].Func(t.Context()))
	require.NoError(t, issuer.IssueInvoices(t.Context(), time.Now()))
	require.NoError(t, closer.CloseOverdue(t.Context()))
	service.RequireStop()
	require.ErrorContains(t, checks.Checks[0].Func(t.Context()), "database is closed")
}

type readyChecks struct {
	fx.In

	Checks []httpserver.Check `group:"http.checks"`
}

func TestTheStoreSectionIsChecked(t *testing.T) {
	t.Parallel()
	in := files()
	in.Env = []string{"BILLING_STORE__BUSY_TIMEOUT=0s", "BILLING_STORE__SEED=maybe"}
	err := fx.New(platformfx.App("billing", in, Module), fx.NopLogger).Err()
	require.ErrorContains(t, err, "store.busy_timeout")
	require.ErrorContains(t, err, "store.seed")
}
