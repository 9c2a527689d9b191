package etcdelection

import (
	"context"
	"maps"
	"net"
	"os"
	"runtime"
	"strings"
	"time"

	"example.com/baton/platform/election/internal/lifeline"
)

// witnesses looks after the processes that lead groups this one would take over.
// It belongs to the goroutine of session.observe; what it finds is guarded by
// Elector.mu.
type witnesses struct {
	s       *session
	watched map[string]context.CancelFunc // by incarnation
}

// death is a proof that an incarnation is over.
type death struct {
	proof lifeline.Proof
	since time.Time
}

// lifelineRecord says where to learn that a process is gone.
type lifelineRecord struct {
	Address string `json:"address"`
	// Machine names the network in which a loopback address means this process.
	Machine string `json:"machine,omitempty"`
	// Process is the same for all sessions of a process.
	Process string `json:"process"`
}

// reach tells whether the address can be asked from here, and whether it can only
// lead to the process that gave it.
func (l *lifelineRecord) reach(machine string) (reachable, trusted bool) {
	if l == nil || l.Address == "" {
		return false, false
	}
	host, _, err := net.SplitHostPort(l.Address)
	if err != nil {
		return false, false
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return true, false
	}
	same := machine != "" && machine == l.Machine
	return same, same
}

// machineID names the network namespace of this process, so that two processes
// know whether a loopback address means the same to both. Empty: unknown.
func machineID() string {
	if runtime.GOOS == "linux" {
		boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
		if err != nil {
			return ""
		}
		namespace, err := os.Readlink("/proc/self/ns/net")
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(boot)) + "/" + namespace
	}
	host, err := os.Hostname()
	if err != nil {
		return ""
	}
	return host
}

// reconcile watches exactly the members that lead a group which this process
// campaigns for. Elector.mu is held.
func (w *witnesses) reconcile(ctx context.Context) {
	s := w.s
	if s.e.server == nil || s.e.cfg.Observer {
		return
	}
	wanted := map[string]bool{}
	for group := range s.e.mu.candidates {
		o, owned := s.view.owners[group]
		m, there := s.view.members[o.Instance]
		if !owned || !there || o.Incarnation == s.incarnation || m.Incarnation != o.Incarnation || m.lease != o.lease {
			continue
		}
		reachable, trusted := m.Lifeline.reach(s.e.machine)
		if !reachable || s.e.mu.distrusted[m.Lifeline.Process] {
			continue
		}
		wanted[o.Incarnation] = true
		if w.watched[o.Incarnation] == nil {
			w.watch(ctx, o.Incarnation, m.Lifeline.Address, trusted)
		}
	}
	for incarnation, cancel := range w.watched {
		if !wanted[incarnation] {
			cancel()
			delete(w.watched, incarnation)
		}
	}
}

func (w *witnesses) watch(ctx context.Context, incarnation, address string, trusted bool) {
	s := w.s
	ctx, cancel := context.WithCancel(ctx)
	w.watched[incarnation] = cancel
	s.background.Go(func() {
		defer cancel()
		proof, err := lifeline.Watch(ctx, address, incarnation, trusted)
		if err != nil {
			return
		}
		s.e.mu.Lock()
		s.deaths[incarnation] = death{proof, time.Now()}
		s.e.mu.Unlock()
		s.wake()
	})
}

// forgetDeaths drops the proofs and traces of life that nothing in the view refers to any more.
// Elector.mu is held.
func (s *session) forgetDeaths() {
	if len(s.deaths) == 0 && len(s.heard) <= len(s.view.members) {
		return
	}
	named := map[string]bool{}
	for _, m := range s.view.members {
		named[m.Incarnation] = true
	}
	for _, o := range s.view.owners {
		named[o.Incarnation] = true
	}
	maps.DeleteFunc(s.deaths, func(incarnation string, _ death) bool { return !named[incarnation] })
	maps.DeleteFunc(s.heard, func(incarnation string, _ time.Time) bool { return !named[incarnation] })
}
