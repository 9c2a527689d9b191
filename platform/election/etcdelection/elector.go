package etcdelection

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/internal/lifeline"
	"example.com/baton/platform/election/internal/proof"
)

// Elector campaigns for any number of groups on one lease. Create it with New,
// keep Run running, and call Lead once per group. Its methods are safe for
// concurrent use.
type Elector struct {
	client *clientv3.Client
	cfg    Config
	log    *slog.Logger

	machine string
	process string
	server  *lifeline.Server // nil when crashes are learnt from leases; set by Run before anything reads it

	closing context.Context // ended when Run has been told to stop
	stop    context.CancelFunc
	leads   sync.WaitGroup // Lead calls under way

	mu struct {
		sync.Mutex
		running    bool
		candidates map[string]*candidate
		session    *session           // nil while there is none
		trouble    error              // why there is none
		orphans    []clientv3.LeaseID // leases of ours that could not be revoked yet
		buried     map[string]string  // incarnations replaced because nobody listened any more, by process
		distrusted map[string]bool    // processes that lived when they were replaced
		wrong      int64              // how many
	}
}

// candidate is one Lead call.
type candidate struct {
	group string
	wins  chan *holding // holds the newest win that Lead has not taken up yet

	// Guarded by Elector.mu:
	busy    bool      // lead is running, or what it held is being handed on
	leaving bool      // Lead is about to return
	holding *holding  // what the watch shows this candidate to hold
	free    time.Time // since when the group has had no owner
	retry   time.Time // no attempt before this: one is under way or was just made
	out     time.Time // no attempt before this: lead returned unasked, or the group was resigned

	resign    func() // ends the term gracefully; nil while there is none
	successor string // who should lead next; empty: whoever ranks first
}

// holding is the ownership of one group under one token.
type holding struct {
	session *session
	token   int64
	tenure  *proof.Context // guarded by Elector.mu; nil until lead is called
	over    chan struct{}  // closed when the record is no longer ours
	wanted  chan struct{}  // closed when another member should lead
	asked   bool           // wanted is closed; guarded by Elector.mu
}

func newHolding(s *session, token int64) *holding {
	return &holding{session: s, token: token, over: make(chan struct{}), wanted: make(chan struct{})}
}

func (h *holding) valid() bool {
	select {
	case <-h.over:
		return false
	default:
		return h.session.mayLead()
	}
}

// New returns an elector that uses client, which stays the caller's: it is never
// closed here. All problems of cfg are reported at once.
func New(client *clientv3.Client, cfg Config) (*Elector, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("etcdelection: %w", err)
	}
	cfg = cfg.withDefaults()
	e := &Elector{client: client, cfg: cfg, log: cfg.Logger, machine: machineID(), process: newIncarnation()}
	e.closing, e.stop = context.WithCancel(context.Background())
	e.mu.candidates = map[string]*candidate{}
	e.mu.buried, e.mu.distrusted = map[string]string{}, map[string]bool{}
	e.mu.trouble = errors.New("no session opened yet")
	return e, nil
}

// Run keeps the session with etcd: it opens one, renews it, and opens another
// when it was lost, for as long as ctx lives. Then terms end with ErrResigned,
// the lease is renewed until every lead has returned, and is revoked. Run returns
// nil; an unreachable etcd is not an error but a state (see Ready), an address
// that can't be listened at is one. After Run has returned the elector is closed
// for good.
func (e *Elector) Run(ctx context.Context) error {
	e.mu.Lock()
	again := e.mu.running
	e.mu.running = true
	e.mu.Unlock()
	if again {
		return errors.New("etcdelection: Run called twice")
	}
	defer e.leads.Wait()
	defer e.stop()
	if e.cfg.Listen != "" {
		server, err := lifeline.Listen(ctx, e.cfg.Listen)
		if err != nil {
			return fmt.Errorf("etcdelection: %w", err)
		}
		e.server = server
		defer server.Close()
	}

	retry := backoff.NewExponentialBackOff()
	retry.InitialInterval, retry.MaxInterval = 100*time.Millisecond, 2*time.Second
	failing := newEpisode(e.log, "election session")
	for ctx.Err() == nil {
		s, err := e.open(ctx)
		if err != nil {
			if ctx.Err() != nil {
				break
			}
			e.setTrouble(err)
			failing.failed(ctx, err)
			_ = wait(ctx, retry.NextBackOff())
			continue
		}
		retry.Reset()
		failing.recovered(ctx)
		e.hold(ctx, s)
	}
	return nil
}

// Ready reports why this process could not lead now: it has no session with
// etcd. It does no I/O.
func (e *Elector) Ready(context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := e.mu.session; s != nil && s.deadline.Valid() {
		return nil
	}
	return fmt.Errorf("no election session with etcd: %w", cmp.Or(e.mu.trouble, errDeadline))
}

// Lead implements election.Elector. It waits while there is no session.
func (e *Elector) Lead(ctx context.Context, group string, lead func(context.Context, election.Term)) error {
	if err := election.ValidateGroup(group); err != nil {
		return err
	}
	c, err := e.enter(group)
	if err != nil {
		return err
	}
	defer e.leave(c)
	for {
		// Checked alone first: of several ready cases select takes any, and no
		// term may begin after the end.
		if ctx.Err() != nil {
			return nil
		}
		if e.closing.Err() != nil {
			return election.ErrClosed
		}
		select {
		case <-ctx.Done():
			return nil
		case <-e.closing.Done():
			return election.ErrClosed
		case h := <-c.wins:
			e.serve(ctx, c, h, lead)
		}
	}
}

// Leader implements election.Elector with one linearizable read.
func (e *Elector) Leader(ctx context.Context, group string) (election.Term, bool, error) {
	if err := election.ValidateGroup(group); err != nil {
		return election.Term{}, false, err
	}
	resp, err := e.client.Get(ctx, e.cfg.ownerKey(group))
	if err != nil {
		return election.Term{}, false, fmt.Errorf("leader of %q: %w", group, err)
	}
	if len(resp.Kvs) == 0 {
		return election.Term{}, false, nil
	}
	kv := resp.Kvs[0]
	var o ownerRecord
	if err := json.Unmarshal(kv.Value, &o); err != nil {
		return election.Term{}, false, fmt.Errorf("leader of %q: record %s: %w", group, kv.Key, err)
	}
	return election.Term{Group: group, Leader: o.Instance, Token: kv.ModRevision}, true, nil
}

func (e *Elector) enter(group string) (*candidate, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing.Err() != nil {
		return nil, election.ErrClosed
	}
	if e.mu.candidates[group] != nil {
		return nil, fmt.Errorf("group %q: %w", group, election.ErrCampaigning)
	}
	c := &candidate{group: group, wins: make(chan *holding, 1)}
	e.mu.candidates[group] = c
	e.leads.Add(1)
	if e.mu.session != nil {
		e.mu.session.wake()
	}
	return c, nil
}

// leave gives up a win that Lead did not take up any more.
func (e *Elector) leave(c *candidate) {
	defer e.leads.Done()
	e.mu.Lock()
	c.leaving = true
	h := c.holding
	e.mu.Unlock()
	if h != nil {
		e.handOn(c, h)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.mu.candidates, c.group)
}

// serve runs one term.
func (e *Elector) serve(ctx context.Context, c *candidate, h *holding, lead func(context.Context, election.Term)) {
	tenure := e.begin(ctx, c, h)
	if tenure == nil {
		return
	}
	term, resign := context.WithCancelCause(election.WithWanted(election.WithTenure(tenure, tenure), h.wanted))
	resigned := func() { resign(election.ErrResigned) }
	e.setResign(c, resigned)
	stopCtx := context.AfterFunc(ctx, resigned)
	stopClosing := context.AfterFunc(e.closing, resigned)
	// Deferred, so that a lead that panics does not leave a group behind that is
	// renewed for ever and served by nobody.
	defer func() {
		stopCtx()
		stopClosing()
		early := term.Err() == nil && !e.wasAsked(h)
		resigned()
		// Over here first, then for the others.
		tenure.End(election.ErrResigned)
		e.handOn(c, h)
		e.finish(c, early)
	}()
	lead(term, election.Term{Group: c.group, Leader: e.cfg.Instance, Token: h.token})
}

// begin turns a win into a tenure, or returns nil when it is over already.
func (e *Elector) begin(ctx context.Context, c *candidate, h *holding) *proof.Context {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c.holding != h || !h.valid() {
		return nil
	}
	c.busy = true
	h.tenure = proof.NewContext(ctx, h.valid)
	return h.tenure
}

// wasAsked reports whether the holding was wanted elsewhere: then its lead
// returned because it was asked to.
func (e *Elector) wasAsked(h *holding) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return h.asked
}

func (e *Elector) setResign(c *candidate, resign func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c.resign = resign
}

func (e *Elector) finish(c *candidate, early bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c.busy, c.resign, c.successor = false, nil, ""
	if early {
		// Nobody asked this lead to return. Give others the chance, and do not
		// spin if it returns at once every time.
		c.out = time.Now().Add(earlyPause)
	}
	if e.mu.session != nil {
		e.mu.session.wake()
	}
}

// earlyPause is how long a candidate stays out after its lead returned unasked.
const earlyPause = 500 * time.Millisecond

// lose ends a holding that the store no longer confirms. Elector.mu is held.
func (c *candidate) lose() {
	h := c.holding
	if h == nil {
		return
	}
	c.holding = nil
	close(h.over)
	if h.tenure != nil {
		h.tenure.End(election.ErrLost)
	}
}

func (e *Elector) setTrouble(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.trouble = err
}

var _ election.Elector = (*Elector)(nil)
