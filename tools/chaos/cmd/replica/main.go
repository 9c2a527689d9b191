// Command replica is what the fault suite and the benchmarks kill, freeze and cut off: an elector, the scheduler and the
// ledger as a service has them, with jobs that do nothing, and its log on standard output.
//
// It is not a service: it has no HTTP, no telemetry and no configuration but flags.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/etcdelection"
	"example.com/baton/platform/etcdclient"
	"example.com/baton/platform/scheduling"
	"example.com/baton/platform/scheduling/etcdledger"
	"example.com/baton/platform/scheduling/gocronsched"
)

type options struct {
	instance, endpoints, base, listen, recipe string
	ttl, work, grace                          time.Duration
	pulse, pulseTimeout, settle               time.Duration
	jobs, groups                              int
	probe                                     bool
}

func main() {
	var o options
	flag.StringVar(&o.instance, "instance", "a", "instance id")
	flag.StringVar(&o.endpoints, "endpoints", "127.0.0.1:2379", "addresses of etcd, host:port, separated by commas")
	flag.StringVar(&o.base, "base", "/baton/chaos", "path in etcd")
	flag.StringVar(&o.listen, "listen", "", "where peers learn that this process is gone; empty: from the lease")
	flag.StringVar(&o.recipe, "recipe", "baton", "baton, or plain: etcd's concurrency package used as its documentation shows")
	flag.DurationVar(&o.ttl, "ttl", 5*time.Second, "lease time")
	flag.DurationVar(&o.pulse, "pulse", 0, "how often a leader shows that it lives; 0: by its lease alone")
	flag.DurationVar(&o.pulseTimeout, "pulse-timeout", 0, "how long it may fail to")
	flag.DurationVar(&o.settle, "settle", 0, "how long a member must have been there before groups move to it; 0: the default, negative: none move")
	flag.DurationVar(&o.work, "work", 20*time.Millisecond, "how long a job takes")
	flag.DurationVar(&o.grace, "grace", 10*time.Second, "how long runs may go on after a graceful end")
	flag.IntVar(&o.jobs, "jobs", 0, "number of jobs, each due every second; 0: terms only")
	flag.IntVar(&o.groups, "groups", 1, "number of groups")
	flag.BoolVar(&o.probe, "probe", false, "look at the proof of every term every millisecond, and log its end")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	err := run(ctx, o, log)
	stop()
	if err != nil {
		log.Error("replica ended", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, log *slog.Logger) error {
	cfg := etcdclient.DefaultConfig()
	cfg.Endpoints = strings.Split(o.endpoints, ",")
	client, err := etcdclient.New(cfg, nil, nil) // the global tracer, which nobody set: it does nothing
	if err != nil {
		return err
	}
	defer client.Close()
	if o.recipe == "plain" {
		return runPlain(ctx, client, o, log)
	}
	return runBaton(ctx, client, o, log)
}

func runBaton(ctx context.Context, client *clientv3.Client, o options, log *slog.Logger) error {
	elector, err := etcdelection.New(client, etcdelection.Config{
		Base: o.base, Instance: o.instance, TTL: o.ttl, Listen: o.listen, Logger: log,
		Pulse: o.pulse, PulseTimeout: o.pulseTimeout, Settle: o.settle,
	})
	if err != nil {
		return err
	}
	var parts sync.WaitGroup
	defer parts.Wait()
	electing, stopElecting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopElecting()
	failed := make(chan error, 1)
	parts.Go(func() { failed <- elector.Run(electing) })

	var port election.Elector = election.Observe(elector, election.LogTerms(log))
	if o.probe {
		port = probed{Elector: port, log: log, probes: &parts}
	}
	work := lead
	if o.jobs > 0 {
		work = schedule
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	parts.Go(func() { done <- work(ctx, port, client, o, log) })
	select {
	case err := <-done:
		return err
	case err := <-failed:
		cancel()
		return err
	}
}

// lead campaigns, and does nothing with what it wins.
func lead(ctx context.Context, elector election.Elector, _ *clientv3.Client, o options, _ *slog.Logger) error {
	errs := make(chan error, o.groups)
	for _, group := range groups(o) {
		go func() {
			errs <- elector.Lead(ctx, group, func(ctx context.Context, _ election.Term) { <-ctx.Done() })
		}()
	}
	var first error
	for range o.groups {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

func schedule(ctx context.Context, elector election.Elector, client *clientv3.Client, o options, log *slog.Logger) error {
	jobs := make([]scheduling.Job, o.jobs)
	for i := range jobs {
		jobs[i] = scheduling.Job{
			Name:     fmt.Sprintf("job_%d", i),
			Group:    groups(o)[i%o.groups],
			Schedule: scheduling.Every(time.Second),
			CatchUp:  scheduling.AllMissed(time.Hour),
			Overlap:  scheduling.AllowAll,
			Run: func(ctx context.Context, _ scheduling.Run) error {
				select {
				case <-time.After(o.work):
					return nil
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			},
		}
	}
	registry, err := scheduling.NewRegistry(groups(o), jobs...)
	if err != nil {
		return err
	}
	engine, err := gocronsched.New(registry, elector, etcdledger.New(client, etcdledger.Config{Base: o.base}), gocronsched.Config{
		Instance: o.instance, Drain: o.grace, Logger: log,
	})
	if err != nil {
		return err
	}
	return engine.Run(ctx)
}

func groups(o options) []string {
	names := make([]string, o.groups)
	for i := range names {
		names[i] = fmt.Sprintf("group-%d", i)
	}
	return names
}
