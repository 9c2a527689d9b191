package up

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/tools/internal/console"
	"example.com/baton/tools/internal/etcdlocal"
	"example.com/baton/tools/internal/fleet"
	"example.com/baton/tools/internal/otlprelay"
	"example.com/baton/tools/internal/proc"
	"example.com/baton/tools/internal/tracepage"
)

const (
	// stopGrace is how long the replicas may take to finish their runs and hand on.
	stopGrace   = 20 * time.Second
	drainGrace  = 2 * time.Second
	jaegerGrace = 10 * time.Second
	// leaderWait is how long the start screen waits for the first leaders to be known.
	leaderWait = 10 * time.Second
)

// session is one run of `baton up`.
type session struct {
	cfg      Config
	root     string
	services []fleet.Service
	work     *workdir
	group    *proc.Group
	journal  *fleet.Journal
	finished chan fleet.Record // run finished, for the trace links
	etcd     *etcdlocal.Cluster
	client   *clientv3.Client
	owners   *fleet.Owners
	relay    *otlprelay.Relay
	page     *tracepage.Server
	fleet    *fleet.Fleet
	jaeger   jaeger

	background sync.WaitGroup
	undo       []func(hurry context.Context) // what to stop, the last started last
}

// Run brings the fleet up, keeps it up until ctx ends and takes it down. When hurry ends, nobody is
// waited for any more. The error says what could not be started, or that Jaeger could not.
func Run(ctx, hurry context.Context, cfg Config) (err error) {
	if err := cfg.Validate(); err != nil {
		return err
	}
	s := &session{cfg: cfg, finished: make(chan fleet.Record, 256)}
	run, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		s.background.Wait()
		for i := len(s.undo) - 1; i >= 0; i-- {
			s.undo[i](hurry)
		}
		err = errors.Join(err, s.jaeger.failure())
	}()

	if err := s.start(run); err != nil {
		if ctx.Err() != nil {
			s.note("", "stopping before everything was up")
			return nil
		}
		return err
	}
	s.later(run, s.traceLinks)
	s.later(run, s.killLeaders)
	<-ctx.Done()
	s.note("", "stopping")
	return nil
}

// start brings everything up in order. What it started is in undo, also when it fails.
func (s *session) start(ctx context.Context) error {
	var err error
	if s.root, err = fleet.Root(s.cfg.Dir); err != nil {
		return err
	}
	if s.services, err = fleet.Discover(s.root, s.cfg.Only...); err != nil {
		return err
	}
	if s.work, err = openWorkdir(s.cfg.Data); err != nil {
		return err
	}
	s.onStop(func(context.Context) { s.work.close() })
	s.group = proc.NewGroup()
	s.onStop(func(context.Context) { s.group.Close() })
	s.journal = fleet.NewJournal(s.observe)

	built := s.build(ctx)
	if err := s.startTracing(); err != nil {
		return err
	}
	if err := s.startEtcd(ctx); err != nil {
		return err
	}
	if err := <-built; err != nil {
		return err
	}
	s.startJaeger(ctx)
	if err := s.startFleet(ctx); err != nil {
		return err
	}
	s.announce(ctx)
	return nil
}

// build compiles the services while etcd starts.
func (s *session) build(ctx context.Context) <-chan error {
	result := make(chan error, 1)
	s.background.Go(func() {
		began, modules, packages := time.Now(), 0, 0
		s.progress("build", "building "+s.names())
		err := fleet.Build(ctx, s.group, s.services, s.work.bin, func(step string) {
			if strings.HasPrefix(step, "go: downloading ") {
				modules++
				s.progress("build", fmt.Sprintf("building %s, %s downloaded", s.names(), plural(modules, "module")))
				return
			}
			packages++
			s.progress("build", fmt.Sprintf("building %s, %s compiled", s.names(), plural(packages, "package")))
		})
		s.progress("build", "")
		if err == nil {
			s.note("", fmt.Sprintf("built %s in %s", s.names(), since(began)))
		}
		result <- err
	})
	return result
}

// startTracing opens the ports the spans go to and the pages are on, long before Jaeger is there.
func (s *session) startTracing() error {
	if s.cfg.Jaeger == JaegerOff {
		return nil
	}
	var err error
	if s.relay, err = otlprelay.Start("127.0.0.1:0", 0); err != nil {
		return err
	}
	s.onStop(func(context.Context) { s.relay.Close() })
	if s.page, err = tracepage.Start(); err != nil {
		return err
	}
	s.onStop(func(context.Context) { s.page.Close() })
	return nil
}

func (s *session) startEtcd(ctx context.Context) error {
	began := time.Now()
	cfg := etcdlocal.Config{
		Dir: filepath.Join(s.work.data, "etcd"), Members: s.cfg.EtcdMembers, Keep: s.cfg.Data != "",
		Log: s.etcdLog,
	}
	if s.relay != nil {
		cfg.TraceAddress = s.relay.Address()
	}
	var err error
	if s.etcd, err = etcdlocal.Start(ctx, cfg); err != nil {
		return err
	}
	s.onStop(func(context.Context) { s.etcd.Close() })
	if s.client, err = s.etcd.Client(); err != nil {
		return err
	}
	s.owners = fleet.WatchOwners(s.client, s.leader)
	s.onStop(func(context.Context) {
		s.owners.Close()
		s.client.Close()
	})
	s.note("etcd", fmt.Sprintf("%s on %s, ready in %s", plural(s.cfg.EtcdMembers, "member"), strings.Join(s.etcd.Endpoints(), ", "), since(began)))
	return nil
}

func (s *session) startFleet(ctx context.Context) error {
	opts := fleet.Options{
		Group: s.group, Journal: s.journal, Services: s.services, Replicas: s.cfg.Replicas,
		EtcdEndpoints: s.etcd.Endpoints(), DataDir: s.work.data, Notify: s.changed,
	}
	if s.relay != nil {
		opts.OTLPEndpoint = "http://" + s.relay.Address()
	}
	var err error
	if s.fleet, err = fleet.Start(ctx, opts); err != nil {
		return err
	}
	s.onStop(func(hurry context.Context) { s.fleet.Stop(hurry, stopGrace) })
	return nil
}

// announce prints the start screen once every service has a leader, or when that takes too long.
func (s *session) announce(ctx context.Context) {
	wait, cancel := context.WithTimeout(ctx, leaderWait)
	defer cancel()
	_ = s.owners.Wait(wait, func(owners []fleet.Owner) bool {
		led := make(map[string]bool)
		for _, o := range owners {
			led[o.Service] = true
		}
		for _, service := range s.services {
			if !led[service.Name] {
				return false
			}
		}
		return true
	})
	if ctx.Err() == nil {
		s.cfg.Report(s.screen())
	}
}

// onStop adds what undoes a step.
func (s *session) onStop(f func(hurry context.Context)) { s.undo = append(s.undo, f) }

// later runs f beside the fleet until it returns; ctx ends when the stop begins.
func (s *session) later(ctx context.Context, f func(context.Context)) {
	s.background.Go(func() { f(ctx) })
}

func (s *session) names() string {
	names := make([]string, len(s.services))
	for i, service := range s.services {
		names[i] = service.Name
	}
	return strings.Join(names, ", ")
}

func since(t time.Time) time.Duration { return time.Since(t).Round(10 * time.Millisecond) }

func (s *session) note(source, text string) {
	s.cfg.Report(console.Event{Kind: console.Note, Source: source, Text: text})
}

func (s *session) warn(source, text string) {
	s.cfg.Report(console.Event{Kind: console.Warning, Source: source, Text: text})
}

func (s *session) progress(source, text string) {
	s.cfg.Report(console.Event{Kind: console.Progress, Source: source, Text: text})
}
