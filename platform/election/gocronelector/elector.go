package gocronelector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/pathelection"
)

// Errors, to be compared with errors.Is.
var (
	// ErrNonLeader says that this process does not lead, or can't prove it now.
	ErrNonLeader = errors.New("the elector is not leader")
	// ErrClosed says that the elector was stopped, or its context has ended.
	ErrClosed = errors.New("the elector is already closed")
	// ErrPingEtcd says that etcd did not answer when the elector was made.
	ErrPingEtcd = errors.New("etcd did not answer")
	// ErrStarted says that Start was called before.
	ErrStarted = errors.New("the elector was started already")
)

// group is the one that is led at the path. Terms carry its name.
const group = "default"

// Elector takes part in the election at one path. Its methods are safe for
// concurrent use.
type Elector struct {
	client *clientv3.Client
	owned  bool // client was made here
	id     string
	ttl    time.Duration

	life context.Context // ended by Stop and by the contexts given to the constructor
	end  context.CancelFunc

	lead     atomic.Pointer[lead]
	leaderID atomic.Pointer[string]
	logger   atomic.Pointer[func(...any)]

	mu struct {
		sync.Mutex
		started bool
		closed  bool
	}
	running sync.WaitGroup // Start
}

// lead is a term of this process.
type lead struct {
	term   election.Term
	ctx    context.Context // ends with the first wish to end the term
	tenure context.Context
}

// NewElector makes a client, which Stop closes, and an elector that uses it. It asks
// etcd once, for six seconds at most, and fails with ErrPingEtcd if there is no
// answer. The elector ends with ctx.
func NewElector(ctx context.Context, cfg Config, options ...Option) (*Elector, error) {
	o, err := newOptions(options)
	if err != nil {
		return nil, fmt.Errorf("gocronelector: %w", err)
	}
	if cfg.DialKeepAliveTime == 0 {
		// Without it a connection that was cut silently is noticed by TCP alone,
		// after a quarter of an hour.
		cfg.DialKeepAliveTime, cfg.DialKeepAliveTimeout = 10*time.Second, 3*time.Second
	}
	client, err := clientv3.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("gocronelector: %w", err)
	}
	e, err := newElector(ctx, client, o)
	if err != nil {
		_ = client.Close()
		return nil, err
	}
	e.owned = true
	return e, nil
}

// NewElectorWithClient is NewElector with a client that stays the caller's: it is
// never closed here.
func NewElectorWithClient(ctx context.Context, cli *clientv3.Client, options ...Option) (*Elector, error) {
	o, err := newOptions(options)
	if err != nil {
		return nil, fmt.Errorf("gocronelector: %w", err)
	}
	return newElector(ctx, cli, o)
}

func newElector(ctx context.Context, client *clientv3.Client, o options) (*Elector, error) {
	if err := ping(ctx, client); err != nil {
		return nil, fmt.Errorf("gocronelector: %w", err)
	}
	e := &Elector{client: client, id: newID(), ttl: o.duration()}
	life, end := context.WithCancel(ctx)
	e.life, e.end = life, end
	if o.ctx != nil {
		stop := context.AfterFunc(o.ctx, end)
		e.end = func() { stop(); end() }
	}
	return e, nil
}

// pingTimeout is generous: the first call waits for the connection.
const pingTimeout = 6 * time.Second

func ping(ctx context.Context, client *clientv3.Client) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	_, err := client.Get(ctx, "/", clientv3.WithCountOnly())
	if err == nil || errors.Is(err, rpctypes.ErrPermissionDenied) {
		return nil // an answer, even if "/" is not for this user
	}
	return fmt.Errorf("%w: %w", ErrPingEtcd, err)
}

// SetLogger sets the function that is told what happens. It may be called from
// several goroutines.
func (e *Elector) SetLogger(fn func(msg ...any)) {
	if fn == nil {
		e.logger.Store(nil)
		return
	}
	e.logger.Store(&fn)
}

// GetID returns the id with which this process contends.
func (e *Elector) GetID() string { return e.id }

// GetLeaderID returns the id of the process that leads, as the watch showed it last,
// and "" while nobody does. It is for people: see IsLeader.
func (e *Elector) GetLeaderID() string {
	if id := e.leaderID.Load(); id != nil {
		return *id
	}
	return ""
}

// IsLeader returns nil while this process leads, ErrNonLeader otherwise. It takes no
// lock, asks nobody and allocates nothing; it reads the clocks, so it is right even
// in the first instruction after a pause. It ignores ctx.
func (e *Elector) IsLeader(context.Context) error {
	if l := e.lead.Load(); l == nil || l.ctx.Err() != nil || l.tenure.Err() != nil {
		return ErrNonLeader
	}
	return nil
}

// Term returns the current term of this process; ok is false when there is none. Its
// token grows with every term at the path, whoever leads, and is the create revision
// of the leader's key.
func (e *Elector) Term() (t election.Term, ok bool) {
	if l := e.lead.Load(); l != nil && l.tenure.Err() == nil {
		return l.term, true
	}
	return election.Term{}, false
}

// Tenure returns the context that bounds the work of the current term (see
// election.Tenure). It ends with election.ErrLost when the lead is lost, and with
// election.ErrResigned when Stop has given it up. While this process does not lead,
// the context has ended, with cause ErrNonLeader.
func (e *Elector) Tenure() context.Context {
	if l := e.lead.Load(); l != nil {
		return l.tenure
	}
	return notLeading
}

var notLeading = func() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(ErrNonLeader)
	return ctx
}()

// Start contends at electionPath until Stop is called or the context of the
// constructor ends, and then returns nil. An etcd that goes away is sat out. It
// returns ErrClosed, ErrStarted or what is wrong with the path at once.
func (e *Elector) Start(electionPath string) error {
	if err := pathelection.ValidatePath(electionPath); err != nil {
		return fmt.Errorf("gocronelector: %w", err)
	}
	if err := e.begin(); err != nil {
		return err
	}
	defer e.running.Done()
	elector, err := pathelection.New(e.client, pathelection.Config{
		Path: pathelection.At(group, electionPath), Instance: e.id, TTL: e.ttl,
		Logger: slog.New(logHandler{logger: &e.logger}),
	})
	if err != nil {
		return fmt.Errorf("gocronelector: %w", err)
	}
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { _ = elector.Run(e.life) }) // nil: it is called once
	parts.Go(func() {
		// Ends with life, and has nothing else to report.
		_ = elector.Observe(e.life, group, e.observed)
		e.observed(election.Term{}, false)
	})
	if err := elector.Lead(e.life, group, e.serve); err != nil && !errors.Is(err, election.ErrClosed) {
		return fmt.Errorf("gocronelector: %w", err)
	}
	return nil
}

func (e *Elector) begin() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mu.closed || e.life.Err() != nil {
		return ErrClosed
	}
	if e.mu.started {
		return ErrStarted
	}
	e.mu.started = true
	e.running.Add(1)
	return nil
}

func (e *Elector) serve(ctx context.Context, t election.Term) {
	e.lead.Store(&lead{term: t, ctx: ctx, tenure: election.Tenure(ctx)})
	e.log("switch to leader, the current instance is leader")
	<-ctx.Done()
	e.lead.Store(nil)
	e.log("switch to non-leader: ", context.Cause(ctx))
}

func (e *Elector) observed(t election.Term, _ bool) { e.leaderID.Store(&t.Leader) }

func (e *Elector) log(msg ...any) {
	if fn := e.logger.Load(); fn != nil {
		(*fn)(msg...)
	}
}

// Stop gives the lead up and returns when that is done, Start has returned, and the
// client is closed if NewElector made it. With etcd unreachable it takes a few
// seconds, and the lead ends with the lease. Stop the scheduler first: IsLeader says
// no from now on, but jobs that run are not waited for. Later calls return nil.
func (e *Elector) Stop() error {
	e.mu.Lock()
	closed := e.mu.closed
	e.mu.closed = true
	e.mu.Unlock()
	e.end()
	e.running.Wait()
	if closed || !e.owned {
		return nil
	}
	if err := e.client.Close(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("gocronelector: close etcd client: %w", err)
	}
	return nil
}
