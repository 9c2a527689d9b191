package tracepage

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"example.com/baton/tools/internal/waterfall"
)

const (
	listed       = 40
	queryTimeout = 10 * time.Second
)

//go:embed page.tmpl
var pages string

//go:embed page.css
var css string

var templates = template.Must(template.New("").Parse(pages))

// Server shows traces.
type Server struct {
	http    *http.Server
	address string
	done    chan struct{}
	client  atomic.Pointer[waterfall.Client]
	status  atomic.Pointer[string]
}

// Start serves on a free loopback port.
func Start() (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start trace page: %w", err)
	}
	s := &Server{address: l.Addr().String(), done: make(chan struct{})}
	s.SetStatus("Jaeger is not running yet.")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.index)
	mux.HandleFunc("GET /trace/{id}", s.trace)
	mux.HandleFunc("GET /trace/{id}/picture.svg", s.picture)
	mux.HandleFunc("GET /page.css", s.style)
	s.http = &http.Server{
		Handler: guard(s.address, mux), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
	}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(l) // ends with Close
	}()
	return s, nil
}

// URL is where the pages are.
func (s *Server) URL() string { return "http://" + s.address + "/" }

// SetClient says where the traces come from. It may be called at any time.
func (s *Server) SetClient(c *waterfall.Client) { s.client.Store(c) }

// SetStatus says what to show as long as there is no client.
func (s *Server) SetStatus(text string) { s.status.Store(&text) }

// Close stops serving and waits for it.
func (s *Server) Close() {
	_ = s.http.Close()
	<-s.done
}

// guard sets the headers of every answer and refuses names other than the server's own, so that a
// page elsewhere cannot read this one through a name it controls.
func guard(address string, next http.Handler) http.Handler {
	_, port, _ := net.SplitHostPort(address)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if r.Host != address && r.Host != "localhost:"+port {
			http.Error(w, "unknown host", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

type row struct {
	ID, Run, Service, Instance, Attempt, Result, Token string
	Start                                              string
	Duration                                           time.Duration
	Spans                                              int
	Bad                                                bool
}

func (s *Server) index(w http.ResponseWriter, r *http.Request) {
	client := s.client.Load()
	if client == nil {
		s.render(w, http.StatusOK, "index", map[string]any{"Status": *s.status.Load()})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), queryTimeout)
	defer cancel()
	traces, err := client.Recent(ctx, listed)
	if err != nil {
		s.fail(w, http.StatusBadGateway, err.Error())
		return
	}
	rows := make([]row, 0, len(traces))
	for _, t := range traces {
		rows = append(rows, summarize(t))
	}
	s.render(w, http.StatusOK, "index", map[string]any{"Rows": rows, "Status": "No run has been traced yet."})
}

// summarize takes what matters from the last attempt of a run.
func summarize(t waterfall.Trace) row {
	start, end := t.Bounds()
	out := row{
		ID: t.ID, Run: t.Attr("job.run.id"), Spans: len(t.Spans),
		Start: start.Local().Format("15:04:05.000"), Duration: end.Sub(start).Round(10 * time.Microsecond),
	}
	for _, s := range t.Spans {
		if s.Attr("job.run.id") == "" || s.Attr("job.run.result") == "" && out.Result != "" {
			continue
		}
		if attempt := s.Attr("job.run.attempt"); attempt >= out.Attempt {
			out.Attempt = cmp.Or(attempt, out.Attempt)
			out.Service, out.Instance = s.Service, s.Instance
			out.Result = cmp.Or(s.Attr("job.run.result"), out.Result)
			out.Token = cmp.Or(s.Attr("scheduler.term.token"), out.Token)
		}
	}
	out.Bad = out.Result != "" && out.Result != "success" && out.Result != "skip"
	return out
}

func (s *Server) trace(w http.ResponseWriter, r *http.Request) {
	t, ok := s.load(w, r)
	if !ok {
		return
	}
	var svg, text bytes.Buffer
	if err := errors.Join(
		t.SVG(&svg, waterfall.SVGOptions{Inline: true}),
		t.Text(&text, waterfall.TextOptions{}),
	); err != nil {
		s.fail(w, http.StatusInternalServerError, err.Error())
		return
	}
	s.render(w, http.StatusOK, "trace", map[string]any{
		"ID": t.ID, "Title": cmp.Or(t.Attr("job.run.id"), t.ID), "Text": text.String(),
		"SVG": template.HTML(svg.String()), //nolint:gosec // every text in the picture is escaped, see waterfall
	})
}

func (s *Server) picture(w http.ResponseWriter, r *http.Request) {
	t, ok := s.load(w, r)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_ = t.SVG(w, waterfall.SVGOptions{})
}

func (s *Server) load(w http.ResponseWriter, r *http.Request) (waterfall.Trace, bool) {
	client := s.client.Load()
	if client == nil {
		s.fail(w, http.StatusServiceUnavailable, *s.status.Load())
		return waterfall.Trace{}, false
	}
	if !waterfall.IsTraceID(r.PathValue("id")) {
		s.fail(w, http.StatusNotFound, "This is not a trace id.")
		return waterfall.Trace{}, false
	}
	ctx, cancel := context.WithTimeout(r.Context(), queryTimeout)
	defer cancel()
	t, err := client.Trace(ctx, r.PathValue("id"))
	switch {
	case errors.Is(err, waterfall.ErrNotFound):
		s.fail(w, http.StatusNotFound, "Jaeger does not have this trace, or not yet.")
		return t, false
	case err != nil:
		s.fail(w, http.StatusBadGateway, err.Error())
		return t, false
	}
	return t, true
}

func (s *Server) style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = strings.NewReader(css + waterfall.Stylesheet()).WriteTo(w)
}

func (s *Server) fail(w http.ResponseWriter, code int, text string) {
	s.render(w, code, "error", map[string]any{"Text": text})
}

func (s *Server) render(w http.ResponseWriter, code int, name string, data any) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = b.WriteTo(w)
}
