package httpserver

import (
	"net/http"
	"runtime/debug"
)

// Problem is the body of an error answer (RFC 9457).
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// WriteProblem answers a request with an error as application/problem+json. detail is for the
// client; it may be empty.
func WriteProblem(w http.ResponseWriter, status int, detail string) {
	writeJSON(w, status, "application/problem+json", Problem{Title: http.StatusText(status), Status: status, Detail: detail})
}

// guarded turns a panic of next into a 500 and a log record. When the answer has begun already, the
// connection is cut instead, so that the client does not take half an answer for a whole one.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := &answer{ResponseWriter: w}
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.log.ErrorContext(r.Context(), "http handler panicked",
				"method", r.Method, "route", r.Pattern, "panic", p, "stack", string(debug.Stack()))
			if out.begun {
				panic(http.ErrAbortHandler)
			}
			WriteProblem(w, http.StatusInternalServerError, "")
		}()
		next.ServeHTTP(out, r)
	})
}

// answer remembers whether the answer has begun. Flushing and deadlines work through Unwrap, by
// http.ResponseController.
type answer struct {
	http.ResponseWriter
	begun bool
}

func (a *answer) WriteHeader(code int) {
	a.begun = a.begun || code >= 200
	a.ResponseWriter.WriteHeader(code)
}

func (a *answer) Write(b []byte) (int, error) {
	a.begun = true
	return a.ResponseWriter.Write(b)
}

func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
