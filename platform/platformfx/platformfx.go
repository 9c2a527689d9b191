// Package platformfx turns a name and an fx module into a service: a process with commands,
// configuration, logs, telemetry, health, and jobs.
//
//	func main() { platformfx.Main("billing", wiring.Module) }
//
// It is the one place that knows all parts of the platform and the order in which they start. It
// holds no logic of theirs.
package platformfx

import (
	"fmt"
	"log/slog"
	"os"
	"time"
	_ "time/tzdata" // schedules name zones, and an image may have no zone files

	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"

	"example.com/baton/pkg/buildinfo"
	"example.com/baton/platform/config"
	"example.com/baton/platform/config/configfx"
	"example.com/baton/platform/election/electionfx"
	"example.com/baton/platform/etcdclient/etcdclientfx"
	"example.com/baton/platform/httpserver"
	"example.com/baton/platform/httpserver/httpserverfx"
	"example.com/baton/platform/identity"
	"example.com/baton/platform/lifecyclefx"
	"example.com/baton/platform/scheduling/schedulingfx"
	"example.com/baton/platform/telemetry"
	"example.com/baton/platform/telemetry/telemetryfx"
)

// Module is everything a service has besides its own parts. It provides; what runs is in serving.
// Telemetry is first, so that it ends last.
var Module = fx.Module("platform",
	configfx.Section("instance", Instance{}),
	configfx.Section("data", Data{Dir: "data"}),
	configfx.Section("shutdown", Shutdown{Timeout: 30 * time.Second}),
	configfx.Check(checkShutdown),
	telemetryfx.Module,
	lifecyclefx.Module,
	httpserverfx.Module,
	httpserverfx.Route(metricsRoute),
	etcdclientfx.Module,
	electionfx.Module,
	schedulingfx.Module,
	fx.Provide(newIdentity),
)

// serving is what runs under the command serve, and only there, in the order of its start; opts are the
// service's own parts. The scheduler comes after them: a run finds everything started, and on the way
// down the lead is given up first, while all that runs may need is still there.
func serving(opts []fx.Option) fx.Option {
	return fx.Options(
		httpserverfx.Serve,
		fx.Options(opts...),
		electionfx.Serve,
		schedulingfx.Serve,
		httpserverfx.Open,
	)
}

// Instance is the section instance.
type Instance struct {
	ID string `koanf:"id" doc:"name of this replica, unique among the replicas; empty means host name and process id"`
}

// Validate checks the id.
func (i Instance) Validate() error {
	if i.ID == "" || identity.CheckInstance(i.ID) == nil {
		return nil
	}
	return config.Problem{Key: "id", Value: i.ID, Rule: "must be 1 to 128 letters, digits, '.', '_' or '-', the first a letter or digit"}
}

// Data is the section data.
type Data struct {
	Dir string `koanf:"dir" validate:"required" doc:"directory for embedded stores and files"`
}

// Shutdown is the section shutdown.
type Shutdown struct {
	Timeout time.Duration `koanf:"timeout" validate:"min=1s" doc:"longest time a graceful stop takes; longer than the time runs are given to finish"`
}

// checkShutdown sees to it that the runs' time to finish is not cut short by the process's.
func checkShutdown(values *config.Values) config.Check {
	return config.Check{Section: "shutdown", Func: func(section any) error {
		scheduling, err := config.Get[schedulingfx.Config](values, "scheduling")
		if err != nil {
			return nil //nolint:nilerr // reported as what it is, a problem of that section
		}
		if timeout := section.(Shutdown).Timeout; timeout <= scheduling.Drain {
			return config.Problem{Key: "timeout", Value: timeout, Rule: fmt.Sprintf("must be more than scheduling.drain, %s", scheduling.Drain)}
		}
		return nil
	}}
}

// name is the name of the service.
type name string

func newIdentity(n name, instance Instance) identity.Service {
	id := instance.ID
	if id == "" {
		host, _ := os.Hostname() // without one there is still the process id
		id = identity.DefaultInstance(host, os.Getpid())
	}
	return identity.Service{Name: string(n), Instance: id, Version: buildinfo.Read().Version}
}

func metricsRoute(t *telemetry.Telemetry) httpserver.Route {
	return httpserver.Route{Pattern: "GET /metrics", Handler: t.MetricsHandler(), Untraced: true}
}

// startTimeout bounds the start. Hooks are short: campaigns and connections go on in the background.
const startTimeout = 15 * time.Second

// App is what Main gives to fx.New under serve, for tests of a service's wiring: its graph with
// fx.ValidateApp, or a running app with fxtest. in is read in the place of the process's own
// environment and files; its Service and Sections are filled in.
func App(service string, in config.Input, opts ...fx.Option) fx.Option {
	in.Service = service
	return fx.Options(configfx.Load(in), app(service), serving(opts))
}

func app(service string) fx.Option {
	return fx.Options(
		fx.Supply(name(service)),
		fx.StartTimeout(startTimeout),
		fx.WithLogger(func(log *slog.Logger) fxevent.Logger {
			l := &fxevent.SlogLogger{Logger: log.With("component", "fx")}
			l.UseLogLevel(slog.LevelDebug)
			l.UseErrorLevel(slog.LevelDebug) // the error is returned, and told once
			return l
		}),
		Module,
	)
}
