package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/platform/scheduling"
	"example.com/baton/tools/chaos/check"
	"example.com/baton/tools/chaos/lab"
	"example.com/baton/tools/internal/fleet"
	"example.com/baton/tools/internal/proc"
)

const (
	base     = "/baton/chaos"
	group    = "group-0"
	ownerKey = base + "/owners/" + group
	replicas = 3
	every    = time.Second // how often the replica's jobs are due
)

// Config says how to run faults.
type Config struct {
	Group      *proc.Group
	Binaries   lab.Binaries
	Dir        string // for data
	Members    int    // of etcd
	TTL        time.Duration
	Rounds     int // of each fault
	Jobs       int // each due every second
	Groups     int // over which the jobs are spread; faults are done to the leader of the first
	NoTakeover bool
	// Pulse and PulseTimeout are those of the elector; zero: off.
	Pulse, PulseTimeout time.Duration
	Progress            io.Writer // what is being done
}

// Result is what one fault did, over all its rounds.
type Result struct {
	Fault      Fault
	Rounds     int
	Report     check.Report
	Leaderless []time.Duration // the longest of each round
	// Violations are what must not happen, each with the log records that show it.
	Violations []string
	// Log is all that the replicas wrote.
	Log []fleet.Record
}

// Run does one fault, Rounds times, to a fleet of its own. The error says that it
// could not be done; what the fleet did wrong is in the result.
func Run(ctx context.Context, cfg Config, f Fault) (Result, error) {
	result := Result{Fault: f}
	l, err := lab.Start(ctx, cfg.Group, cfg.Binaries, cfg.Dir, lab.Config{
		Members: cfg.Members, Replicas: replicas, NoTakeover: cfg.NoTakeover,
		Args: []string{
			"-base", base, "-ttl", cfg.TTL.String(), "-pulse", cfg.Pulse.String(), "-pulse-timeout", cfg.PulseTimeout.String(),
			"-jobs", strconv.Itoa(cfg.Jobs), "-groups", strconv.Itoa(max(cfg.Groups, 1)), "-probe",
		},
	})
	if err != nil {
		return result, fmt.Errorf("%s: %w", f.Name, err)
	}
	defer l.Close()
	x := experiment{Config: cfg, lab: l}
	if err := x.warmUp(ctx); err != nil {
		return result, fmt.Errorf("%s: %w", f.Name, err)
	}
	for i := range cfg.Rounds {
		fmt.Fprintf(cfg.Progress, "%s: round %d of %d\n", f.Name, i+1, cfg.Rounds)
		gap, err := x.round(ctx, f)
		if ctx.Err() != nil {
			return result, context.Cause(ctx)
		}
		result.Rounds++
		result.Leaderless = append(result.Leaderless, gap)
		if err != nil {
			result.Violations = append(result.Violations, x.withLog(fmt.Sprintf("round %d: %v", i+1, err)))
			break // the fleet is in a state that nobody meant
		}
	}
	result.Violations = append(result.Violations, x.stop(ctx)...)
	h := l.History()
	h.Due, h.From, h.To = x.due(), x.begun, time.Now()
	result.Report, result.Log = check.Check(h), h.Records
	result.Violations = append(result.Violations, violations(f, result.Report)...)
	return result, nil
}

func violations(f Fault, r check.Report) []string {
	found := slices.Concat(r.Stale, r.Duplicates, r.Broken)
	if !f.ByHand {
		found = append(found, r.Overlaps...)
	}
	for _, id := range r.Missing {
		found = append(found, "never started: "+id)
	}
	return found
}

// experiment is a fleet, and what it should have run so far.
type experiment struct {
	Config

	lab   *lab.Lab
	begun time.Time // every job had started by then
	until time.Time // and must have started for every second up to here
}

func (x *experiment) warmUp(ctx context.Context) error {
	ran, err := x.settle(ctx, time.Now())
	if err != nil {
		return fmt.Errorf("warm up: %w", err)
	}
	x.begun, x.until = ran, ran
	return nil
}

// round does the fault once, waits until the fleet works again, and returns how
// long it had no leader.
func (x *experiment) round(ctx context.Context, f Fault) (time.Duration, error) {
	// Not always right after the jobs of one second have started.
	if err := lab.Pause(ctx, rand.N(every)); err != nil {
		return 0, err
	}
	leader, term, ok := x.lab.Leader(group)
	if !ok {
		return 0, errors.New("nobody leads")
	}
	from := time.Now()
	r := &round{lab: x.lab, ttl: x.TTL, leader: leader, term: term, seq: x.lab.Journal.Next()}
	err := f.inject(ctx, r)
	if err == nil {
		healed := time.Now()
		if _, err = x.settle(ctx, healed); err == nil {
			x.until = healed.Truncate(every)
		}
	}
	h := x.lab.History()
	h.From, h.To = from, time.Now()
	return check.Check(h).Leaderless, err
}

// settle waits until every job was started for a second after healed, and every
// replica has its session. It returns the latest of these seconds.
func (x *experiment) settle(ctx context.Context, healed time.Time) (ran time.Time, err error) {
	limit := 3*x.TTL + 30*time.Second
	for i := range x.Jobs {
		name := job(i)
		started, err := x.lab.Wait(ctx, 0, limit, func(r fleet.Record) bool {
			return r.Msg == fleet.RunStarted && r.Get("job") == name && due(r).After(healed)
		})
		if err != nil {
			return ran, fmt.Errorf("job %s does not run any more: %w", name, err)
		}
		if at := due(started); at.After(ran) {
			ran = at
		}
	}
	members := func() (bool, error) {
		resp, err := x.lab.Etcd.Client.Get(ctx, base+"/members/", clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err == nil && int(resp.Count) != len(x.lab.Replicas) {
			err = fmt.Errorf("%d of %d replicas have a session", resp.Count, len(x.lab.Replicas))
		}
		return err == nil, err
	}
	_, err = backoff.Retry(ctx, members, backoff.WithBackOff(backoff.NewConstantBackOff(50*time.Millisecond)), backoff.WithMaxElapsedTime(limit))
	return ran, err
}

// stop ends the fleet as a deployment would.
func (x *experiment) stop(ctx context.Context) []string {
	var found []string
	for _, r := range x.lab.Replicas {
		r.Terminate()
	}
	for _, r := range x.lab.Replicas {
		if err := r.Gone(ctx, 40*time.Second); err != nil {
			found = append(found, x.withLog(err.Error(), r.Source))
		} else if !r.ExitedCleanly() {
			found = append(found, x.withLog(r.Source+" did not exit cleanly at the end", r.Source))
		}
	}
	return found
}

// due are the run ids of all that had to start.
func (x *experiment) due() []string {
	var ids []string
	for at := x.begun; !at.After(x.until); at = at.Add(every) {
		for i := range x.Jobs {
			ids = append(ids, scheduling.RunID(job(i), at))
		}
	}
	return ids
}

// withLog adds the end of the log that is about terms and sessions.
func (x *experiment) withLog(what string, sources ...string) string {
	var lines []string
	for _, r := range x.lab.Journal.Since(0) {
		if r.Msg == fleet.RunStarted || r.Msg == fleet.RunFinished || len(sources) > 0 && !slices.Contains(sources, r.Source) {
			continue
		}
		lines = append(lines, "    "+r.Source+" "+r.Line)
	}
	return what + "\n" + strings.Join(lines[max(0, len(lines)-25):], "\n")
}

func job(i int) string { return "job_" + strconv.Itoa(i) }

func due(r fleet.Record) time.Time {
	at, err := time.Parse(time.RFC3339Nano, r.Get("due"))
	if err != nil {
		return time.Time{}
	}
	return at
}
