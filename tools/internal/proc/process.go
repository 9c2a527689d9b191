package proc

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// outputGrace is how long output may keep coming after the process has ended: a pipe inherited by
// a process that left the group would otherwise never be closed.
const outputGrace = 2 * time.Second

// Spec says what to run.
type Spec struct {
	Path string
	Args []string
	Dir  string
	Env  []string // the whole environment; nil means this process's own
	// Line is called with every line of standard output and standard error, in order and never
	// concurrently. Nil discards the output.
	Line func(line string)
	// Interrupt is the signal that asks the process to stop; nil means SIGTERM.
	Interrupt os.Signal
}

// Process is a started child.
type Process struct {
	cmd       *exec.Cmd
	interrupt os.Signal
	done      chan struct{}
	state     *os.ProcessState // written before done is closed
}

// Start runs spec. The returned process belongs to the group.
func (g *Group) Start(spec Spec) (*Process, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mu.closed {
		return nil, ErrClosed
	}

	pr, pw, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Path, err)
	}
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Dir, cmd.Env = spec.Dir, spec.Env
	cmd.Stdout, cmd.Stderr = pw, pw
	cmd.SysProcAttr = sysProcAttr()
	err = g.start(cmd)
	pw.Close()
	if err != nil {
		pr.Close()
		return nil, fmt.Errorf("start %s: %w", spec.Path, err)
	}

	p := &Process{cmd: cmd, interrupt: spec.Interrupt, done: make(chan struct{})}
	if p.interrupt == nil {
		p.interrupt = syscall.SIGTERM
	}
	g.mu.live[p] = struct{}{}
	g.children.Add(1)
	go g.reap(p, pr, spec.Line)
	return p, nil
}

// reap owns the child: it reads the output to its end and collects the exit status.
func (g *Group) reap(p *Process, out *os.File, line func(string)) {
	defer g.children.Done()
	read := make(chan struct{})
	go func() {
		defer close(read)
		if line == nil {
			line = func(string) {}
		}
		Lines(out, line)
	}()

	_ = p.cmd.Wait() // the status is in ProcessState; an I/O error cannot happen, the pipe is ours
	signalGroup(p.cmd.Process, syscall.SIGKILL)
	_ = out.SetReadDeadline(time.Now().Add(outputGrace))
	<-read
	out.Close()

	p.state = p.cmd.ProcessState
	close(p.done)
	g.mu.Lock()
	delete(g.mu.live, p)
	g.mu.Unlock()
}

// Pid is the operating system's id of the process.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended and all its output has been delivered.
func (p *Process) Done() <-chan struct{} { return p.done }

// Ended reports whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Exit describes how the process ended. It waits for the end.
func (p *Process) Exit() Exit {
	<-p.done
	return Exit{state: p.state}
}

// Signal sends sig to the process alone. It does nothing when the process has ended.
func (p *Process) Signal(sig os.Signal) { _ = p.cmd.Process.Signal(sig) }

// Kill kills the process and its process group without waiting.
func (p *Process) Kill() { signalGroup(p.cmd.Process, syscall.SIGKILL) }

// Stop asks the process to stop, kills it when it has not stopped after grace or when ctx ends,
// and returns how it ended. forced tells whether it had to be killed.
func (p *Process) Stop(ctx context.Context, grace time.Duration) (exit Exit, forced bool) {
	if p.Ended() {
		return p.Exit(), false
	}
	p.Signal(p.interrupt)

	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return p.Exit(), false
	case <-timer.C:
	case <-ctx.Done():
	}
	p.Kill()
	return p.Exit(), true
}

// Exit is how a process ended.
type Exit struct{ state *os.ProcessState }

// OK reports whether the process ended by itself with code 0.
func (e Exit) OK() bool { return e.state != nil && e.state.Success() }

// Code is the exit code, or -1 when a signal ended the process.
func (e Exit) Code() int {
	if e.state == nil {
		return -1
	}
	return e.state.ExitCode()
}

// String is "exit status 1" or "signal: killed".
func (e Exit) String() string {
	if e.state == nil {
		return "unknown"
	}
	return e.state.String()
}
