package pathelection

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/internal/etcdlease"
	"example.com/baton/platform/election/internal/proof"
)

// ErrNoPath says that a group has no path to contend at.
var ErrNoPath = errors.New("pathelection: no path for this group")

// Elector contends at one path, or at one for each group, on one lease. Create it
// with New, keep Run running, and call Lead once per group. Its methods are safe
// for concurrent use.
type Elector struct {
	client *clientv3.Client
	cfg    Config
	log    *slog.Logger
	lessor *etcdlease.Lessor

	closing context.Context // ended when Run has been told to stop
	stop    context.CancelFunc
	leads   sync.WaitGroup // Lead calls under way

	mu struct {
		sync.Mutex
		running    bool
		session    *session      // nil while there is none
		opened     chan struct{} // closed when there is one
		trouble    error         // why there is none
		candidates map[string]bool
		holdings   map[*holding]bool
		keys       map[string]string // key of the newest term, by group
	}
}

// session is one lease and the time it is held.
type session struct {
	*etcdlease.Lease
	life context.Context // ends when the lease is lost or given up
	end  context.CancelCauseFunc
}

var errRunFinished = errors.New("run finished")

// New returns an elector that uses client, which stays the caller's: it is never
// closed here. All problems of cfg are reported at once.
func New(client *clientv3.Client, cfg Config) (*Elector, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("pathelection: %w", err)
	}
	cfg = cfg.withDefaults()
	e := &Elector{client: client, cfg: cfg, log: cfg.Logger}
	e.lessor = etcdlease.NewLessor(client, cfg.TTL, proof.SystemClock, cfg.Logger)
	e.closing, e.stop = context.WithCancel(context.Background())
	e.mu.opened = make(chan struct{})
	e.mu.trouble = errors.New("no session opened yet")
	e.mu.candidates, e.mu.holdings, e.mu.keys = map[string]bool{}, map[*holding]bool{}, map[string]string{}
	return e, nil
}

// Run keeps a lease: it is granted, renewed, and replaced by another when it was
// lost, for as long as ctx lives. Then terms end with ErrResigned, the lease is
// renewed until every lead has returned, and is revoked. Run returns nil; an
// unreachable etcd is not an error but a state (see Ready). After Run has returned
// the elector is closed for good.
func (e *Elector) Run(ctx context.Context) error {
	e.mu.Lock()
	again := e.mu.running
	e.mu.running = true
	e.mu.Unlock()
	if again {
		return errors.New("pathelection: Run called twice")
	}
	defer e.leads.Wait()
	defer e.stop()

	retry := backoff.NewExponentialBackOff()
	retry.InitialInterval, retry.MaxInterval = 100*time.Millisecond, 2*time.Second
	failing := etcdlease.NewEpisode(e.log, "election session")
	for ctx.Err() == nil {
		lease, err := e.lessor.Grant(ctx)
		if err != nil {
			if ctx.Err() != nil {
				break
			}
			e.setTrouble(err)
			failing.Failed(ctx, err)
			_ = etcdlease.Wait(ctx, retry.NextBackOff())
			continue
		}
		retry.Reset()
		failing.Recovered(ctx)
		e.hold(ctx, lease)
	}
	return nil
}

// hold keeps the lease until it is lost, or ctx ends and all leads have returned.
func (e *Elector) hold(ctx context.Context, lease *etcdlease.Lease) {
	s := &session{Lease: lease}
	// Not a child of ctx: after its end the lease must live until the work that
	// hangs on it has drained.
	s.life, s.end = context.WithCancelCause(context.WithoutCancel(ctx))
	defer s.end(nil)
	e.attach(s)
	e.log.InfoContext(ctx, "election session opened", "instance", e.cfg.Instance, "ttl", s.TTL)

	var parts sync.WaitGroup
	parts.Go(func() { s.end(lease.Renew(s.life)) })
	parts.Go(func() { s.end(lease.Watch(s.life)) })
	select {
	case <-s.life.Done():
	case <-ctx.Done():
		e.stop()
		parts.Go(func() { e.leads.Wait(); s.end(errRunFinished) })
		<-s.life.Done()
	}
	cause := context.Cause(s.life)
	e.detach(s, cause) // step down here before anything else
	if errors.Is(cause, errRunFinished) {
		e.log.InfoContext(ctx, "election session closed", "instance", e.cfg.Instance)
	} else {
		e.log.WarnContext(ctx, "election session lost", "instance", e.cfg.Instance, "error", cause)
	}
	e.lessor.Revoke(ctx, s.ID)
	parts.Wait()
}

func (e *Elector) attach(s *session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.session, e.mu.trouble = s, nil
	close(e.mu.opened)
}

func (e *Elector) detach(s *session, cause error) {
	s.End()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.session, e.mu.trouble = nil, cause
	e.mu.opened = make(chan struct{})
	for h := range e.mu.holdings {
		h.lose()
	}
}

// Ready reports why this process could not lead now: it has no session with etcd.
// It does no I/O.
func (e *Elector) Ready(context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := e.mu.session; s != nil && s.Valid() {
		return nil
	}
	return fmt.Errorf("no election session with etcd: %w", cmp.Or(e.mu.trouble, etcdlease.ErrDeadline))
}

// Lead implements election.Elector. It waits while there is no session. A group
// without a path is refused with ErrNoPath.
func (e *Elector) Lead(ctx context.Context, group string, lead func(context.Context, election.Term)) error {
	path, err := e.path(group)
	if err != nil {
		return err
	}
	if err := e.enter(group); err != nil {
		return err
	}
	defer e.leave(group)
	// What ends the waiting: the caller, and the elector's own end.
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.closing, cancel)()
	if e.cfg.Observer {
		<-waiting.Done()
	}
	for waiting.Err() == nil {
		s := e.open(waiting)
		if s == nil {
			break
		}
		if early := e.campaign(waiting, s, group, path, lead); early {
			// Nobody asked lead to return. Do not spin if it does so every time.
			_ = etcdlease.Wait(waiting, earlyPause)
		}
	}
	if ctx.Err() == nil {
		return election.ErrClosed
	}
	return nil
}

// earlyPause is how long a candidate stays out after its lead returned unasked.
const earlyPause = 500 * time.Millisecond

// path returns where the group is elected.
func (e *Elector) path(group string) (string, error) {
	if err := election.ValidateGroup(group); err != nil {
		return "", err
	}
	path := e.cfg.Path(group)
	if path == "" {
		return "", fmt.Errorf("group %q: %w", group, ErrNoPath)
	}
	if err := ValidatePath(path); err != nil {
		return "", fmt.Errorf("group %q: %w", group, err)
	}
	return path, nil
}

func (e *Elector) enter(group string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing.Err() != nil {
		return election.ErrClosed
	}
	if e.mu.candidates[group] {
		return fmt.Errorf("group %q: %w", group, election.ErrCampaigning)
	}
	e.mu.candidates[group] = true
	e.leads.Add(1)
	return nil
}

func (e *Elector) leave(group string) {
	defer e.leads.Done()
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.mu.candidates, group)
}

// open returns the session, once there is one, or nil when ctx ends.
func (e *Elector) open(ctx context.Context) *session {
	for {
		e.mu.Lock()
		s, opened := e.mu.session, e.mu.opened
		e.mu.Unlock()
		if s != nil {
			return s
		}
		select {
		case <-ctx.Done():
			return nil
		case <-opened:
		}
	}
}

func (e *Elector) setTrouble(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.trouble = err
}

var _ election.Elector = (*Elector)(nil)
