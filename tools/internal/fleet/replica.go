package fleet

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"example.com/baton/tools/internal/proc"
)

const (
	liveTimeout = time.Minute
	livePoll    = 50 * time.Millisecond
	errorTail   = 20 // log lines an error carries
)

// Replica is one instance of a service. Its process may change: it is restarted when it dies.
type Replica struct {
	Service  Service
	Instance string // "billing-1"

	opts Options
	mu   struct {
		sync.Mutex
		process *proc.Process
		address string
		killed  bool // by Kill, so the restart does not wait
	}
}

// Address is the HTTP address of the current process.
func (r *Replica) Address() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.address
}

// Pid is the id of the current process, or 0 when there is none.
func (r *Replica) Pid() int {
	if p := r.current(); p != nil {
		return p.Pid()
	}
	return 0
}

// Signal sends a signal to the current process, for example SIGSTOP to freeze it.
func (r *Replica) Signal(sig os.Signal) {
	if p := r.current(); p != nil {
		p.Signal(sig)
	}
}

// Kill ends the current process with SIGKILL. It is started again at once.
func (r *Replica) Kill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.process != nil {
		r.mu.killed = true
		r.mu.process.Kill()
	}
}

func (r *Replica) current() *proc.Process {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.process
}

// wasKilled reports whether Kill ended the last process, once.
func (r *Replica) wasKilled() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	killed := r.mu.killed
	r.mu.killed = false
	return killed
}

// launch starts a process and waits until it answers on its HTTP address. The error says why it
// did not, with its last log lines; the process is gone then.
func (r *Replica) launch(ctx context.Context) (*proc.Process, error) {
	for attempt := 1; ; attempt++ {
		address, err := FreeAddress()
		if err != nil {
			return nil, err
		}
		from := r.opts.Journal.Next()
		p, err := r.opts.Group.Start(proc.Spec{
			Path: r.Service.Binary, Args: r.args(), Dir: r.Service.Dir, Env: r.env(address),
			Line: func(line string) { r.opts.Journal.Add(r.Instance, line) },
		})
		if err != nil {
			return nil, err
		}
		r.mu.Lock()
		r.mu.process, r.mu.address = p, address
		r.mu.Unlock()
		r.opts.notify(Change{Kind: Started, Replica: r})

		if err = waitLive(ctx, p, address); err == nil {
			r.opts.notify(Change{Kind: Ready, Replica: r})
			return p, nil
		}
		p.Kill()
		<-p.Done()
		if attempt < portAttempts && ctx.Err() == nil && r.lostItsPort(from) {
			continue
		}
		lines := r.opts.Journal.Tail(r.Instance, errorTail)
		return nil, fmt.Errorf("start %s: %w\n%s", r.Instance, err, strings.Join(lines, "\n"))
	}
}

func (r *Replica) args() []string {
	args := []string{"serve"}
	if config := r.Service.Config(); config != "" {
		args = append(args, "--config", config)
	}
	return args
}

func (r *Replica) env(address string) []string {
	env := append(os.Environ(), r.opts.Env...)
	set := func(key, value string) { env = append(env, r.Service.envPrefix()+key+"="+value) }
	set("INSTANCE__ID", r.Instance)
	set("ETCD__ENDPOINTS", strings.Join(r.opts.EtcdEndpoints, ","))
	set("HTTP__ADDRESS", address)
	set("LOG__FORMAT", "json")
	set("DATA__DIR", r.opts.dataDir(r.Service))
	if r.opts.OTLPEndpoint != "" {
		set("TELEMETRY__OTLP__ENDPOINT", r.opts.OTLPEndpoint)
	}
	return env
}

func (r *Replica) lostItsPort(from int) bool {
	for _, rec := range r.opts.Journal.Since(from) {
		if rec.Source == r.Instance && PortTaken(rec.Line) {
			return true
		}
	}
	return false
}

// waitLive polls the liveness endpoint until it answers, the process ends or the time is up.
func waitLive(ctx context.Context, p *proc.Process, address string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, liveTimeout,
		fmt.Errorf("no answer on http://%s/livez within %s", address, liveTimeout))
	defer cancel()
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(livePoll)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/livez", nil)
		if err != nil {
			return err
		}
		if resp, err := client.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-p.Done():
			return fmt.Errorf("ended before it answered: %s", p.Exit())
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
