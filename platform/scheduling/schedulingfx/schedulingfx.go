package schedulingfx

import (
	"log/slog"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/fx"

	"example.com/baton/platform/config"
	"example.com/baton/platform/config/configfx"
	"example.com/baton/platform/election"
	"example.com/baton/platform/election/electionfx"
	"example.com/baton/platform/election/electionotel"
	"example.com/baton/platform/etcdclient"
	"example.com/baton/platform/identity"
	"example.com/baton/platform/lifecyclefx"
	"example.com/baton/platform/scheduling"
	"example.com/baton/platform/scheduling/etcdledger"
	"example.com/baton/platform/scheduling/gocronsched"
	"example.com/baton/platform/scheduling/schedulingotel"
)

// Module declares the sections scheduling and jobs, and provides the registry of
// the declared jobs, the ledger on etcd, and the engine.
var Module = fx.Module("scheduling",
	configfx.Section("scheduling", DefaultConfig()),
	configfx.Section("jobs", Overrides{}),
	configfx.Check(newCheck),
	configfx.Check(newGroupsCheck),
	fx.Provide(newGroups, NewRegistry, newTelemetry, newLedger, NewEngine),
)

// Serve runs the jobs while the app does.
var Serve = fx.Module("scheduler", fx.Invoke(serve))

// newGroups tells the election what the service campaigns for.
func newGroups(c Config) electionfx.Groups { return c.Groups }

func newGroupsCheck(values *config.Values) config.Check {
	return config.Check{Section: "scheduling", Func: func(section any) error {
		return electionfx.CheckGroups(values, section.(Config).Groups)
	}}
}

type checkParams struct {
	fx.In

	// Not Config: it can't be had while something is wrong with it, and then
	// nobody would learn what else is wrong.
	Values       *config.Values
	Declarations []declaration `group:"scheduling.declarations"`
}

func newCheck(p checkParams) config.Check {
	names := make([]string, len(p.Declarations))
	for i, d := range p.Declarations {
		names[i] = d.job.Name
	}
	var groups []string
	if cfg, err := config.Get[Config](p.Values, "scheduling"); err == nil {
		groups = cfg.Groups
	}
	return config.Check{Section: "jobs", Func: func(section any) error {
		return checkOverrides(section.(Overrides), groups, names)
	}}
}

// RegistryParams are what NewRegistry needs.
type RegistryParams struct {
	fx.In

	Config       Config
	Overrides    Overrides
	Declarations []declaration `group:"scheduling.declarations"`
	Bodies       []body        `group:"scheduling.bodies"`
}

// NewRegistry joins what is declared, what it calls, and what the configuration
// says about it.
func NewRegistry(p RegistryParams) (*scheduling.Registry, error) {
	bodies, declared := map[string]body{}, map[string]int{}
	for _, b := range p.Bodies {
		bodies[b.name] = b
		declared[b.name]++
	}
	var jobs []scheduling.Job
	for _, d := range p.Declarations {
		job, override := d.job, p.Overrides[d.job.Name]
		if override.disabled() && declared[job.Name] == 1 { // a name given twice is told of in any case
			continue
		}
		override.apply(&job)
		if job.Schedule != nil {
			job.Run = bodies[job.Name].bind(job.Schedule.Location())
		}
		jobs = append(jobs, job)
	}
	return scheduling.NewRegistry(p.Config.Groups, jobs...)
}

func newTelemetry(service identity.Service, traces trace.TracerProvider, meters metric.MeterProvider, terms *electionotel.Terms) (*schedulingotel.Telemetry, error) {
	return schedulingotel.New(service.Name, traces, meters, terms)
}

func newLedger(client *etcdclient.Client, etcd etcdclient.Config, service identity.Service, elector electionfx.Backend, telemetry *schedulingotel.Telemetry) scheduling.Ledger {
	return telemetry.Ledger(etcdledger.New(client, etcdledger.Config{Base: etcd.Base(service.Name), Fence: elector.Fence}))
}

// EngineParams are what NewEngine needs.
type EngineParams struct {
	fx.In

	Registry  *scheduling.Registry
	Elector   election.Elector
	Ledger    scheduling.Ledger
	Config    Config
	Service   identity.Service
	Telemetry *schedulingotel.Telemetry
	Log       *slog.Logger
}

// NewEngine makes the engine.
func NewEngine(p EngineParams) (*gocronsched.Engine, error) {
	return gocronsched.New(p.Registry, p.Elector, p.Ledger, gocronsched.Config{
		Instance: p.Service.Instance, Drain: p.Config.Drain, History: p.Config.History,
		Middleware: []scheduling.Middleware{p.Telemetry.Middleware()}, Logger: p.Log,
	})
}

type serveParams struct {
	fx.In

	Registry *scheduling.Registry
	Engine   *gocronsched.Engine
	Terms    *electionotel.Terms
	Loops    *lifecyclefx.Loops
}

func serve(p serveParams) {
	for _, group := range p.Registry.Groups() {
		p.Terms.Candidate(group)
	}
	lifecyclefx.Go(p.Loops, "scheduler", p.Engine.Run)
}
