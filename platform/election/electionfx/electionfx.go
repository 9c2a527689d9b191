// Package electionfx puts the elector into an fx graph.
package electionfx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/fx"

	"example.com/baton/platform/config"
	"example.com/baton/platform/config/configfx"
	"example.com/baton/platform/election"
	"example.com/baton/platform/election/electionotel"
	"example.com/baton/platform/election/etcdelection"
	"example.com/baton/platform/election/pathelection"
	"example.com/baton/platform/etcdclient"
	"example.com/baton/platform/httpserver"
	"example.com/baton/platform/httpserver/httpserverfx"
	"example.com/baton/platform/identity"
	"example.com/baton/platform/lifecyclefx"
)

// Module declares the section election and provides election.Elector, on etcd.
// The elector's loop runs while the app does, if anything asked for the elector.
var Module = fx.Module("election",
	configfx.Section("election", DefaultConfig()),
	fx.Provide(
		NewTerms,
		NewElector,
		func(e Backend, terms *electionotel.Terms, log *slog.Logger) election.Elector {
			return election.Observe(e, terms, election.LogTerms(log))
		},
	),
	configfx.Check(newPathCheck),
)

// Serve makes the readiness of the service depend on a session with etcd.
var Serve = httpserverfx.Ready(func(e Backend) httpserver.Check {
	return httpserver.Check{Name: "election", Func: e.Ready}
})

// Config is the section election.
type Config struct {
	Path          string        `koanf:"path" doc:"existing path to contend at, as etcdctl elect and gocron-etcd-elector do; then there is one group, which stays where it is, and neither crash takeover nor pulse"`
	TTL           time.Duration `koanf:"ttl" doc:"how long a silent replica keeps what it leads; whole seconds"`
	Candidate     bool          `koanf:"candidate" doc:"false keeps this replica out of elections: it is listed, and never leads"`
	CrashTakeover bool          `koanf:"crash_takeover" doc:"learn from a refused connection, not from the lease, that a leader's process is gone; off behind proxies"`
	Listen        string        `koanf:"listen" doc:"host:port where other replicas learn that this process is gone; port 0 is any free one"`
	Advertise     string        `koanf:"advertise" doc:"host:port that other replicas connect to, if not the one in listen; must lead to this process alone"`
	Pulse         time.Duration `koanf:"pulse" doc:"how often a leader writes that it is alive, so that a frozen one is found before its lease ends; 0 is off"`
	PulseTimeout  time.Duration `koanf:"pulse_timeout" doc:"how long a leader may fail to; at least three pulses, shorter than the ttl"`
	Settle        time.Duration `koanf:"settle" doc:"how long a replica must have been there before groups move to it; negative leaves them where they are"`
}

// DefaultConfig notices crashes among replicas on one machine within
// milliseconds, and others by their lease: it opens no port to the network.
func DefaultConfig() Config {
	return Config{TTL: 5 * time.Second, Candidate: true, CrashTakeover: true, Listen: "127.0.0.1:0", Settle: 10 * time.Second}
}

// Validate refuses what etcd can't grant, and addresses nobody can use.
func (c Config) Validate() error {
	var problems []error
	if etcdelection.ValidateTTL(c.TTL) != nil {
		problems = append(problems, config.Problem{Key: "ttl", Value: c.TTL, Rule: "must be whole seconds, from 1s to 24h: etcd grants nothing else"})
	}
	if c.Path != "" {
		if err := pathelection.ValidatePath(c.Path); err != nil {
			problems = append(problems, config.Problem{Key: "path", Value: c.Path, Rule: err.Error()})
		}
	}
	if err := etcdelection.ValidateAddresses(c.Listen, c.Advertise); err != nil && c.CrashTakeover {
		problems = append(problems, config.Problem{Key: "listen", Rule: err.Error()})
	}
	if err := etcdelection.ValidatePulse(c.Pulse, c.PulseTimeout, c.TTL); err != nil {
		problems = append(problems, config.Problem{Key: "pulse", Value: c.Pulse, Rule: err.Error()})
	}
	return errors.Join(problems...)
}

// Params are what NewElector needs.
type Params struct {
	fx.In

	Client  *etcdclient.Client
	Etcd    etcdclient.Config
	Config  Config
	Groups  Groups `optional:"true"`
	Service identity.Service
	Meters  metric.MeterProvider
	Loops   *lifecyclefx.Loops
	Log     *slog.Logger
}

// NewElector makes the elector that the configuration asks for and ties its loop to
// the app.
func NewElector(p Params) (Backend, error) {
	e, err := newBackend(p)
	if err != nil {
		return nil, err
	}
	lifecyclefx.Go(p.Loops, "election", e.Run)
	return e, nil
}

func newBackend(p Params) (Backend, error) {
	if p.Config.Path != "" {
		return newPathElector(p)
	}
	cfg := etcdelection.Config{
		Base: p.Etcd.Base(p.Service.Name), Instance: p.Service.Instance, Version: p.Service.Version,
		TTL: p.Config.TTL, Observer: !p.Config.Candidate, Logger: p.Log,
		Pulse: p.Config.Pulse, PulseTimeout: p.Config.PulseTimeout, Settle: p.Config.Settle,
	}
	if p.Config.CrashTakeover {
		cfg.Listen, cfg.Advertise = p.Config.Listen, p.Config.Advertise
	}
	e, err := etcdelection.New(p.Client, cfg)
	if err != nil {
		return nil, err
	}
	if err := countWrongTakeovers(e, p.Meters); err != nil {
		return nil, fmt.Errorf("electionfx: %w", err)
	}
	return e, nil
}

// countWrongTakeovers makes a metric of what must stay zero where every process is
// reached at its own address.
func countWrongTakeovers(e *etcdelection.Elector, meters metric.MeterProvider) error {
	_, err := meters.Meter("example.com/baton/platform/election").Int64ObservableCounter("scheduler.takeovers.wrong",
		metric.WithUnit("{takeover}"),
		metric.WithDescription("Leaders that this instance replaced as dead although they lived."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(e.WrongTakeovers())
			return nil
		}))
	return err
}

// NewTerms makes the observer that reports terms to the telemetry.
func NewTerms(traces trace.TracerProvider, meters metric.MeterProvider) (*electionotel.Terms, error) {
	return electionotel.New(traces, meters)
}
