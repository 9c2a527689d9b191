// Package electionotel shows leadership as spans and metrics.
//
// A change of leadership is a short span of its own. There is no span for a whole
// term, which can last for months and would be lost in a crash, and none for a
// follower's waiting.
package electionotel

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"example.com/baton/platform/election"
	"example.com/baton/platform/telemetry/attr"
)

const scope = "example.com/baton/platform/election"

// Terms is an election.Observer. It also knows the span with which each current
// term began, so that what happens in the term can link to it.
type Terms struct {
	tracer      trace.Tracer
	transitions metric.Int64Counter

	mu struct {
		sync.Mutex
		current map[string]began // by group
	}
}

type began struct {
	token int64
	span  trace.SpanContext
}

// New returns an observer that reports to the given providers.
func New(traces trace.TracerProvider, meters metric.MeterProvider) (*Terms, error) {
	t := &Terms{tracer: traces.Tracer(scope)}
	t.mu.current = map[string]began{}
	meter := meters.Meter(scope)
	var err error
	if t.transitions, err = meter.Int64Counter("scheduler.leader.transitions", metric.WithUnit("{transition}"),
		metric.WithDescription("Terms of this instance that began or ended.")); err != nil {
		return nil, fmt.Errorf("electionotel: %w", err)
	}
	leader, err := meter.Int64ObservableGauge("scheduler.leader",
		metric.WithDescription("1 if this instance leads the group, 0 if it led it before."))
	if err != nil {
		return nil, fmt.Errorf("electionotel: %w", err)
	}
	token, err := meter.Int64ObservableGauge("scheduler.term.token",
		metric.WithDescription("Fencing token of the group's term on this instance."))
	if err != nil {
		return nil, fmt.Errorf("electionotel: %w", err)
	}
	_, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		t.mu.Lock()
		defer t.mu.Unlock()
		for group, term := range t.mu.current {
			attrs := metric.WithAttributes(attr.Group.String(group))
			if term.token == 0 {
				o.ObserveInt64(leader, 0, attrs)
				continue
			}
			o.ObserveInt64(leader, 1, attrs)
			o.ObserveInt64(token, term.token, attrs)
		}
		return nil
	}, leader, token)
	if err != nil {
		return nil, fmt.Errorf("electionotel: %w", err)
	}
	return t, nil
}

// Candidate makes the group's gauge appear, with 0, before this instance ever
// led it: an alert on "nobody leads" needs a series to sum.
func (t *Terms) Candidate(group string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.mu.current[group]; !ok {
		t.mu.current[group] = began{}
	}
}

// TermStarted implements election.Observer.
func (t *Terms) TermStarted(ctx context.Context, term election.Term) {
	_, span := t.tracer.Start(ctx, "leadership acquired", trace.WithNewRoot(), trace.WithAttributes(
		attr.Group.String(term.Group), attr.Token.Int64(term.Token)))
	span.End()
	t.mu.Lock()
	t.mu.current[term.Group] = began{term.Token, span.SpanContext()}
	t.mu.Unlock()
	t.transitions.Add(ctx, 1, metric.WithAttributes(attr.Group.String(term.Group), attr.TermReason.String("acquired")))
}

// TermEnded implements election.Observer.
func (t *Terms) TermEnded(ctx context.Context, term election.Term, cause error) {
	reason := "lost"
	if errors.Is(cause, election.ErrResigned) {
		reason = "resigned"
	}
	var links []trace.Link
	t.mu.Lock()
	if start := t.mu.current[term.Group]; start.token == term.Token {
		links = append(links, trace.Link{SpanContext: start.span, Attributes: []attribute.KeyValue{attr.LinkType.String(attr.LinkLeaderTerm)}})
		t.mu.current[term.Group] = began{}
	}
	t.mu.Unlock()
	_, span := t.tracer.Start(ctx, "leadership "+reason, trace.WithNewRoot(), trace.WithLinks(links...), trace.WithAttributes(
		attr.Group.String(term.Group), attr.Token.Int64(term.Token), attr.TermReason.String(reason)))
	if reason == "lost" {
		span.SetStatus(codes.Error, cause.Error())
	}
	span.End()
	t.transitions.Add(ctx, 1, metric.WithAttributes(attr.Group.String(term.Group), attr.TermReason.String(reason)))
}

// Span returns the span with which the term began; ok is false when the term is
// not current.
func (t *Terms) Span(term election.Term) (span trace.SpanContext, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	start := t.mu.current[term.Group]
	return start.span, start.token == term.Token && start.span.IsValid()
}

var _ election.Observer = (*Terms)(nil)
