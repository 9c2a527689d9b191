package up

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"example.com/baton/tools/internal/jaegerlocal"
	"example.com/baton/tools/internal/waterfall"
)

// jaeger is what is known about Jaeger, which appears while the fleet runs already.
type jaeger struct {
	mu     sync.Mutex
	state  string
	err    error
	client *waterfall.Client
	links  string        // what a trace id is appended to
	ready  chan struct{} // closed when client is set; nil when there will be no traces
}

func (j *jaeger) set(state string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.state = state
}

func (j *jaeger) describe() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return "(" + j.state + ")"
}

func (j *jaeger) failure() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// startJaeger begins to provide Jaeger in the background. It is called when the services have been
// built: two compilations at once would only delay the fleet.
func (s *session) startJaeger(ctx context.Context) {
	if s.cfg.Jaeger == JaegerOff {
		return
	}
	s.jaeger.ready = make(chan struct{})
	s.jaeger.set("Jaeger is starting")
	served := make(chan *jaegerlocal.Server, 1)
	s.background.Go(func() {
		server, err := s.provideJaeger(ctx)
		served <- server
		if err != nil && ctx.Err() == nil {
			s.jaeger.mu.Lock()
			s.jaeger.err = err
			s.jaeger.mu.Unlock()
			s.page.SetStatus("Jaeger could not be started: " + firstLine(err))
			s.warn("jaeger", err.Error()+"\nthe fleet goes on without traces")
		}
	})
	s.onStop(func(hurry context.Context) { s.stopJaeger(hurry, <-served) })
}

func (s *session) provideJaeger(ctx context.Context) (*jaegerlocal.Server, error) {
	if s.cfg.external() {
		return nil, s.connect(ctx, s.cfg.otlpTarget(), s.cfg.Jaeger)
	}
	module, err := jaegerlocal.Open(filepath.Join(s.root, "tools", "jaeger"))
	if err != nil {
		return nil, err
	}
	if !module.Cached() {
		if err := s.buildJaeger(ctx, module); err != nil {
			return nil, err
		}
	}
	dataDir := ""
	if s.cfg.Data != "" {
		dataDir = filepath.Join(s.work.data, "jaeger")
	}
	server, err := module.Start(ctx, s.group, dataDir)
	if err != nil {
		return nil, err
	}
	s.note("jaeger", fmt.Sprintf("%s on %s, spans that waited: %d", module.Version, server.Query, s.relay.Spans().Waiting()))
	s.background.Go(func() {
		select {
		case <-server.Done():
			s.warn("jaeger", "ended unexpectedly; the fleet goes on without traces")
		case <-ctx.Done():
		}
	})
	return server, s.connect(ctx, server.OTLP, server.Query)
}

func (s *session) buildJaeger(ctx context.Context, module jaegerlocal.Module) error {
	const text = "Jaeger is being built in the background, the first time only; the fleet does not wait"
	s.jaeger.set(text)
	s.page.SetStatus(text + ", its spans do.")
	s.note("jaeger", "building "+module.Version+" in the background, once; this takes minutes and the fleet does not wait for it")
	began := time.Now()
	err := module.Build(ctx, s.group, s.work.tmp, func(p jaegerlocal.Progress) {
		step := fmt.Sprintf("%d modules downloaded", p.Downloaded)
		if p.Compiled > 0 {
			step = fmt.Sprintf("%d of at most %d packages compiled", p.Compiled, p.Packages)
		}
		step += ", " + time.Since(began).Round(time.Second).String()
		s.page.SetStatus(text + ": " + step + ".")
		s.progress("jaeger", "building, "+step)
	})
	s.progress("jaeger", "")
	if err == nil {
		s.note("jaeger", fmt.Sprintf("built in %s, kept in %s", time.Since(began).Round(time.Second), filepath.Dir(module.Binary())))
	}
	return err
}

// connect hands the waiting spans over and lets the pages and links use this Jaeger.
func (s *session) connect(ctx context.Context, otlp, query string) error {
	client, err := waterfall.NewClient(query)
	if err != nil {
		return err
	}
	transport := insecure.NewCredentials()
	if s.cfg.external() && strings.HasPrefix(query, "https://") {
		transport = credentials.NewTLS(nil)
	}
	conn, err := grpc.NewClient(otlp, grpc.WithTransportCredentials(transport))
	if err != nil {
		return fmt.Errorf("connect to jaeger: %w", err)
	}
	s.relay.Deliver(conn)
	s.page.SetClient(client)

	links, state := s.page.URL()+"trace/", "Jaeger's query API: "+query
	if client.HasUI(ctx) {
		links, state = client.URL()+"/trace/", "Jaeger: "+query
	}
	s.jaeger.mu.Lock()
	s.jaeger.client, s.jaeger.links, s.jaeger.state = client, links, state
	s.jaeger.mu.Unlock()
	close(s.jaeger.ready)
	return nil
}

// stopJaeger lets the last spans arrive before Jaeger goes. server is nil when it runs elsewhere or
// was never started.
func (s *session) stopJaeger(hurry context.Context, server *jaegerlocal.Server) {
	if client := s.jaeger.client; client != nil {
		drain, cancel := context.WithTimeout(hurry, drainGrace)
		s.relay.Drain(drain)
		cancel()
		client.Close()
	}
	if server == nil {
		return
	}
	if err := server.Stop(hurry, jaegerGrace); err != nil {
		s.warn("jaeger", err.Error())
		return
	}
	s.note("jaeger", "stopped")
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
