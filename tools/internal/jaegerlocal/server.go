package jaegerlocal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"example.com/baton/tools/internal/fleet"
	"example.com/baton/tools/internal/proc"
)

const (
	startTimeout = 30 * time.Second
	startPoll    = 50 * time.Millisecond
	portAttempts = 5
	outputTail   = 20
)

// Server is a running Jaeger.
type Server struct {
	OTLP  string // host:port of the OTLP/gRPC receiver
	Query string // http://host:port of the query API

	process *proc.Process
}

// Start runs the cached binary and returns when its query API answers. dataDir keeps the traces;
// when it is empty they are kept in memory.
func (m Module) Start(ctx context.Context, g *proc.Group, dataDir string) (*Server, error) {
	for attempt := 1; ; attempt++ {
		s, output, err := m.start(ctx, g, dataDir, attempt)
		if err == nil {
			return s, nil
		}
		if attempt == portAttempts || !fleet.PortTaken(output) {
			return nil, fmt.Errorf("start jaeger: %w\n%s", err, output)
		}
	}
}

func (m Module) start(ctx context.Context, g *proc.Group, dataDir string, attempt int) (*Server, string, error) {
	otlp, err := fleet.FreeAddress()
	if err != nil {
		return nil, "", err
	}
	query, err := queryAddress(attempt)
	if err != nil {
		return nil, "", err
	}
	args := []string{"--config", filepath.Join(m.Dir, "jaeger.yaml")}
	env := append(os.Environ(), "BATON_JAEGER_OTLP="+otlp, "BATON_JAEGER_QUERY="+query)
	if dataDir != "" {
		args = append(args, "--config", filepath.Join(m.Dir, "badger.yaml"))
		env = append(env, "BATON_JAEGER_DIR="+dataDir)
	}

	var out tail
	p, err := g.Start(proc.Spec{Path: m.Binary(), Args: args, Dir: m.Dir, Env: env, Line: out.add})
	if err != nil {
		return nil, "", err
	}
	s := &Server{OTLP: otlp, Query: "http://" + query, process: p}
	if err := s.waitReady(ctx); err != nil {
		p.Kill()
		<-p.Done()
		return nil, out.String(), err
	}
	return s, "", nil
}

// queryAddress prefers the port everybody knows Jaeger by, so that `baton trace` needs no flag.
func queryAddress(attempt int) (string, error) {
	const known = "127.0.0.1:16686"
	if attempt == 1 && fleet.Free(known) {
		return known, nil
	}
	return fleet.FreeAddress()
}

func (s *Server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout,
		fmt.Errorf("no answer on %s within %s", s.Query, startTimeout))
	defer cancel()
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(startPoll)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Query+"/api/services", nil)
		if err != nil {
			return err
		}
		if resp, err := client.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return s.alive()
			}
		}
		select {
		case <-tick.C:
		case <-s.process.Done():
			return s.alive()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// alive guards against taking another program's answer for ours.
func (s *Server) alive() error {
	if s.process.Ended() {
		return fmt.Errorf("ended before it answered: %s", s.process.Exit())
	}
	return nil
}

// Done is closed when Jaeger has ended.
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// Stop asks Jaeger to stop and kills it when it has not stopped after grace or when ctx ends.
func (s *Server) Stop(ctx context.Context, grace time.Duration) error {
	if exit, forced := s.process.Stop(ctx, grace); forced {
		return errors.New("stop jaeger: had to be killed")
	} else if !exit.OK() {
		return fmt.Errorf("stop jaeger: %s", exit)
	}
	return nil
}

// tail keeps the last lines of the output.
type tail struct {
	mu    sync.Mutex
	lines []string
}

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lines = append(t.lines, line); len(t.lines) > outputTail {
		t.lines = t.lines[1:]
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}
