package proc

import (
	"errors"
	"os/exec"
	"runtime"
	"sync"
)

// ErrClosed is returned by Start after Close.
var ErrClosed = errors.New("proc: group is closed")

// Group starts processes and kills those that are left when it is closed.
// Its methods may be called from any goroutine.
type Group struct {
	spawn chan func()
	gone  chan struct{}

	mu struct {
		sync.Mutex
		closed bool
		live   map[*Process]struct{}
	}
	children sync.WaitGroup
}

// NewGroup returns a group that must be closed.
func NewGroup() *Group {
	g := &Group{spawn: make(chan func()), gone: make(chan struct{})}
	g.mu.live = make(map[*Process]struct{})
	go g.spawner()
	return g
}

// spawner starts every child from one thread that lives as long as the group. Linux sends the
// parent death signal when the thread that forked ends, not the process: forked from a borrowed
// thread, a child could die at a moment nobody can explain.
func (g *Group) spawner() {
	runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
	defer close(g.gone)
	for start := range g.spawn {
		start()
	}
}

func (g *Group) start(cmd *exec.Cmd) error {
	result := make(chan error, 1)
	g.spawn <- func() { result <- cmd.Start() }
	return <-result
}

// Close kills every process of the group that still runs, waits for all of them and releases the group.
func (g *Group) Close() {
	g.mu.Lock()
	if g.mu.closed {
		g.mu.Unlock()
		<-g.gone
		return
	}
	g.mu.closed = true
	for p := range g.mu.live {
		p.Kill()
	}
	g.mu.Unlock()

	g.children.Wait()
	close(g.spawn)
	<-g.gone
}
