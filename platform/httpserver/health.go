package httpserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
)

// Check asks one dependency whether the service can work. Func returns nil when it can, and returns
// soon after its context ends. It is called for every probe, but never twice at a time.
type Check struct {
	Name string
	Func func(ctx context.Context) error
}

// States of readiness.
const (
	starting int32 = iota
	ready
	draining
)

// Ready lets /readyz answer by the checks. Before, it answers that the service is starting.
func (s *Server) Ready() { s.state.CompareAndSwap(starting, ready) }

// Drain makes /readyz answer 503 from now on, so that no new work is sent here.
func (s *Server) Drain() { s.state.Store(draining) }

// AddCheck adds a readiness check. Names are unique.
func (s *Server) AddCheck(c Check) error {
	if c.Name == "" || c.Func == nil {
		return fmt.Errorf("readiness check %q: a name and a function are needed", c.Name)
	}
	for _, other := range s.checks {
		if other.Name == c.Name {
			return fmt.Errorf("readiness check %q is declared twice", c.Name)
		}
	}
	s.checks = append(s.checks, &check{Check: c})
	return nil
}

// health is the answer of /livez and /readyz.
type health struct {
	Status string                 `json:"status"` // ok, failed, starting or stopping
	Checks map[string]checkResult `json:"checks,omitempty"`
}

type checkResult struct {
	Status string `json:"status"` // ok or failed
	Error  string `json:"error,omitempty"`
}

func live(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, "application/json", health{Status: "ok"})
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	switch s.state.Load() {
	case starting:
		writeJSON(w, http.StatusServiceUnavailable, "application/json", health{Status: "starting"})
		return
	case draining:
		writeJSON(w, http.StatusServiceUnavailable, "application/json", health{Status: "stopping"})
		return
	}
	answer, code := s.runChecks(r.Context()), http.StatusOK
	if answer.Status != "ok" {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, "application/json", answer)
}

func (s *Server) runChecks(ctx context.Context) health {
	errs := make([]error, len(s.checks))
	var wg sync.WaitGroup
	for i, c := range s.checks {
		wg.Go(func() {
			// The result is shared with other probes, so this one's end must not end the check.
			ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), s.cfg.CheckTimeout,
				fmt.Errorf("no answer within %s", s.cfg.CheckTimeout))
			defer cancel()
			errs[i] = c.run(ctx)
		})
	}
	wg.Wait()
	answer := health{Status: "ok", Checks: map[string]checkResult{}}
	for i, c := range s.checks {
		result := checkResult{Status: "ok"}
		if errs[i] != nil {
			result = checkResult{Status: "failed", Error: errs[i].Error()}
			answer.Status = "failed"
		}
		answer.Checks[c.Name] = result
	}
	return answer
}

// check keeps one call of a Check under way at a time: one that ignores its context would otherwise
// leave a goroutine behind with every probe.
type check struct {
	Check
	mu struct {
		sync.Mutex
		current *checkCall
	}
}

type checkCall struct {
	done chan struct{}
	err  error // valid once done is closed
}

func (c *check) run(ctx context.Context) error {
	c.mu.Lock()
	call := c.mu.current
	if call == nil {
		call = &checkCall{done: make(chan struct{})}
		c.mu.current = call
		go c.execute(ctx, call)
	}
	c.mu.Unlock()
	select {
	case <-call.done:
		if errors.Is(call.err, context.DeadlineExceeded) && ctx.Err() != nil {
			return context.Cause(ctx) // says how long was waited
		}
		return call.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *check) execute(ctx context.Context, call *checkCall) {
	defer func() {
		if p := recover(); p != nil {
			call.err = fmt.Errorf("panic: %v", p)
		}
		c.mu.Lock()
		c.mu.current = nil
		c.mu.Unlock()
		close(call.done)
	}()
	call.err = c.Func(ctx)
}

func writeJSON(w http.ResponseWriter, code int, contentType string, body any) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // the client is gone, and there is nobody else to tell
}
