package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"example.com/baton/tools/chaos/check"
	"example.com/baton/tools/chaos/tcpfault"
	"example.com/baton/tools/internal/proc"
)

// Replica is one instance. Its process may change: it can be started again.
type Replica struct {
	Instance string
	Source   string // of the present process, in the journal

	lab       *Lab
	number    int
	starts    int
	endpoints []string
	proxies   []*tcpfault.Proxy
	process   *proc.Process
}

// Start runs a new process. It does not wait for it.
func (r *Replica) Start(context.Context) error {
	r.starts++
	r.Source = fmt.Sprintf("%s#%d.%d", r.Instance, r.number, r.starts)
	source := r.Source
	listen := "127.0.0.1:0"
	if r.lab.cfg.NoTakeover {
		listen = ""
	}
	p, err := r.lab.group.Start(proc.Spec{
		Path: r.lab.binaries.Replica,
		Args: append([]string{
			"-instance", r.Instance, "-endpoints", strings.Join(r.endpoints, ","), "-listen", listen,
		}, r.lab.cfg.Args...),
		Env:  os.Environ(),
		Line: func(line string) { r.lab.Journal.Add(source, line) },
	})
	if err != nil {
		return err
	}
	r.process = p
	return nil
}

// Kill ends the process with SIGKILL, without waiting, and returns when it did so.
func (r *Replica) Kill() time.Time {
	r.lab.mu.Lock()
	defer r.lab.mu.Unlock()
	at := time.Now()
	if !r.process.Ended() {
		r.process.Signal(syscall.SIGKILL)
		r.lab.mu.killed[r.Source] = at
	}
	return at
}

// Terminate asks the process to end, and returns when it did so.
func (r *Replica) Terminate() time.Time {
	at := time.Now()
	r.process.Signal(syscall.SIGTERM)
	return at
}

// Gone waits for the end of the process.
func (r *Replica) Gone(ctx context.Context, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-r.process.Done():
		return nil
	case <-timer.C:
		return fmt.Errorf("%s did not end within %s", r.Source, limit)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ExitedCleanly reports whether the process has ended by itself with code 0.
func (r *Replica) ExitedCleanly() bool { return r.process.Ended() && r.process.Exit().OK() }

// Freeze stops the process for d with SIGSTOP.
func (r *Replica) Freeze(ctx context.Context, d time.Duration) error {
	f := check.Frozen{Source: r.Source, From: time.Now()}
	r.process.Signal(syscall.SIGSTOP)
	err := Pause(ctx, d)
	f.To = time.Now()
	r.lab.mu.Lock()
	r.lab.mu.frozen = append(r.lab.mu.frozen, f)
	r.lab.mu.Unlock()
	r.process.Signal(syscall.SIGCONT)
	return err
}

// Cut puts all connections between the replica and etcd into a mode.
func (r *Replica) Cut(mode tcpfault.Mode) error {
	var errs []error
	for _, p := range r.proxies {
		errs = append(errs, p.Set(mode))
	}
	return errors.Join(errs...)
}

func (r *Replica) close() {
	for _, p := range r.proxies {
		p.Close()
	}
}

// Pause returns after d, or earlier with the cause of ctx's end.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
