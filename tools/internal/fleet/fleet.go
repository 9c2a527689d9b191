package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"example.com/baton/tools/internal/proc"
)

// stableAfter is how long a replica must have run for its next crash to count as the first.
const stableAfter = 30 * time.Second

// errStopped is the cause with which the supervisors are told to stop.
var errStopped = errors.New("fleet: stopped")

// Options say what to run.
type Options struct {
	Group         *proc.Group
	Journal       *Journal
	Services      []Service // built
	Replicas      int       // of each service
	EtcdEndpoints []string
	OTLPEndpoint  string   // "http://127.0.0.1:4317"; empty: no traces
	DataDir       string   // one directory below it per service, shared by its replicas
	Env           []string // added to this process's environment
	// Notify, when not nil, is told what happens to the replicas. It is called from several goroutines.
	Notify func(Change)
}

func (o Options) notify(c Change) {
	if o.Notify != nil {
		o.Notify(c)
	}
}

func (o Options) dataDir(s Service) string { return filepath.Join(o.DataDir, s.Name) }

// Kind is what happened to a replica.
type Kind int

// What can happen to a replica.
const (
	Started Kind = iota // a process exists
	Ready               // it answers on its HTTP address
	Killed              // it ended through Kill and is started again at once
	Exited              // it ended and nobody asked it to; Exit and Restart say how and what comes next
	Failed              // it could not be started again; Err says why, Restart what comes next
	Stopped             // it ended because it was asked to; Exit says how
)

// Change is something that happened to a replica.
type Change struct {
	Kind    Kind
	Replica *Replica
	Exit    proc.Exit
	Forced  bool          // Stopped: it had to be killed
	Err     error         // Failed
	Restart time.Duration // Exited, Failed: how long until the next start
}

// Fleet is a set of supervised replicas.
type Fleet struct {
	opts     Options
	replicas []*Replica

	stop        context.CancelCauseFunc
	supervisors sync.WaitGroup
}

// Start starts every replica and returns when all of them answer. When one does not, the others
// are stopped and the error carries its last log lines. ctx bounds the start only.
func Start(ctx context.Context, opts Options) (*Fleet, error) {
	run, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	f := &Fleet{opts: opts, stop: stop}
	for _, s := range opts.Services {
		if err := os.MkdirAll(opts.dataDir(s), 0o700); err != nil {
			return nil, fmt.Errorf("start %s: %w", s.Name, err)
		}
		for i := range opts.Replicas {
			f.replicas = append(f.replicas, &Replica{
				Service: s, Instance: fmt.Sprintf("%s-%d", s.Name, i+1), opts: opts,
			})
		}
	}

	first := make(chan error, len(f.replicas))
	for _, r := range f.replicas {
		f.supervisors.Go(func() {
			p, err := r.launch(ctx)
			first <- err
			if err == nil {
				f.supervise(run, r, p)
			}
		})
	}
	var errs []error
	for range f.replicas {
		errs = append(errs, <-first)
	}
	if err := errors.Join(errs...); err != nil {
		f.Stop(context.WithoutCancel(ctx), 10*time.Second)
		return nil, err
	}
	return f, nil
}

// Replicas returns all replicas, sorted by service and number.
func (f *Fleet) Replicas() []*Replica { return f.replicas }

// Replica returns the replica with the given instance id, or nil.
func (f *Fleet) Replica(instance string) *Replica {
	for _, r := range f.replicas {
		if r.Instance == instance {
			return r
		}
	}
	return nil
}

// Stop asks all replicas to stop, at the same time, and kills those that have not stopped after
// grace or when ctx ends. It returns when every process is gone. Call it once.
func (f *Fleet) Stop(ctx context.Context, grace time.Duration) {
	f.stop(errStopped)
	f.supervisors.Wait() // from here on nothing is restarted
	var stopping sync.WaitGroup
	for _, r := range f.replicas {
		p := r.current()
		if p == nil || p.Ended() {
			continue
		}
		stopping.Go(func() {
			exit, forced := p.Stop(ctx, grace)
			f.opts.notify(Change{Kind: Stopped, Replica: r, Exit: exit, Forced: forced})
		})
	}
	stopping.Wait()
}

// supervise restarts a replica that ends unasked, slower each time, until run ends.
func (f *Fleet) supervise(run context.Context, r *Replica, p *proc.Process) {
	pause := &backoff.ExponentialBackOff{
		InitialInterval: 500 * time.Millisecond, RandomizationFactor: 0.2, Multiplier: 2, MaxInterval: 15 * time.Second,
	}
	pause.Reset()
	for {
		since := time.Now()
		if p != nil {
			select {
			case <-p.Done():
			case <-run.Done():
				return
			}
			if time.Since(since) > stableAfter {
				pause.Reset()
			}
			wait, kind := pause.NextBackOff(), Exited
			if r.wasKilled() {
				wait, kind = 0, Killed
			}
			f.opts.notify(Change{Kind: kind, Replica: r, Exit: p.Exit(), Restart: wait})
			if !sleep(run, wait) {
				return
			}
		}
		var err error
		if p, err = r.launch(run); err != nil {
			if run.Err() != nil {
				return
			}
			wait := pause.NextBackOff()
			f.opts.notify(Change{Kind: Failed, Replica: r, Err: err, Restart: wait})
			if !sleep(run, wait) {
				return
			}
		}
	}
}

// sleep reports whether the whole time has passed.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
