package waterfall

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"
)

// The parts of Jaeger's /api/traces answer that are used.
type jaegerAnswer struct {
	Data   []jaegerTrace `json:"data"`
	Errors []struct {
		Msg string `json:"msg"`
	} `json:"errors"`
}

type jaegerTrace struct {
	TraceID   string                   `json:"traceID"`
	Spans     []jaegerSpan             `json:"spans"`
	Processes map[string]jaegerProcess `json:"processes"`
}

type jaegerSpan struct {
	SpanID        string      `json:"spanID"`
	OperationName string      `json:"operationName"`
	References    []jaegerRef `json:"references"`
	StartTime     int64       `json:"startTime"` // µs since 1970
	Duration      int64       `json:"duration"`  // µs
	Tags          []jaegerTag `json:"tags"`
	ProcessID     string      `json:"processID"`
}

type jaegerRef struct {
	RefType string `json:"refType"`
	TraceID string `json:"traceID"`
	SpanID  string `json:"spanID"`
}

type jaegerTag struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

type jaegerProcess struct {
	ServiceName string      `json:"serviceName"`
	Tags        []jaegerTag `json:"tags"`
}

// Decode reads an answer of /api/traces or /api/traces/{id}.
func Decode(data []byte) ([]Trace, error) {
	var answer jaegerAnswer
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, fmt.Errorf("decode traces: %w", err)
	}
	if len(answer.Data) == 0 && len(answer.Errors) > 0 {
		return nil, fmt.Errorf("decode traces: jaeger says %q", answer.Errors[0].Msg)
	}
	traces := make([]Trace, 0, len(answer.Data))
	for _, t := range answer.Data {
		traces = append(traces, t.model())
	}
	return traces, nil
}

func (t jaegerTrace) model() Trace {
	out := Trace{ID: t.TraceID, Spans: make([]Span, 0, len(t.Spans))}
	for _, s := range t.Spans {
		process := t.Processes[s.ProcessID]
		span := Span{
			ID: s.SpanID, Name: s.OperationName, Service: process.ServiceName,
			Start: time.UnixMicro(s.StartTime).UTC(), Duration: micros(s.Duration),
		}
		for _, tag := range process.Tags {
			if tag.Key == "service.instance.id" {
				span.Instance = tag.text()
			}
		}
		for _, tag := range s.Tags {
			span.tag(tag.Key, tag.text())
		}
		span.references(t.TraceID, s.References)
		out.Spans = append(out.Spans, span)
	}
	return out
}

// micros guards against a duration that is negative or longer than a Duration can be.
func micros(us int64) time.Duration {
	if us > math.MaxInt64/int64(time.Microsecond) {
		return math.MaxInt64
	}
	return time.Duration(max(us, 0)) * time.Microsecond
}

func (s *Span) tag(key, value string) {
	switch key {
	case "span.kind":
		s.Kind = value
	case "error":
		s.Error = value == "true"
	case "otel.status_description":
		s.Message = value
	case "otel.status_code", "otel.scope.name", "otel.scope.version":
	default:
		s.Attrs = append(s.Attrs, Attr{key, value})
	}
}

// references sorts Jaeger's references into parent and links. A span whose only references are
// FOLLOWS_FROM still hangs below the first of its own trace: Jaeger merges a link to the parent with
// the parent itself.
func (s *Span) references(traceID string, refs []jaegerRef) {
	for _, r := range refs {
		if r.TraceID == traceID && r.RefType == "CHILD_OF" && s.ParentID == "" {
			s.ParentID = r.SpanID
			continue
		}
		s.Links = append(s.Links, Link{TraceID: r.TraceID, SpanID: r.SpanID})
	}
	if s.ParentID != "" {
		return
	}
	for _, l := range s.Links {
		if l.TraceID == traceID {
			s.ParentID = l.SpanID
			return
		}
	}
}

func (t jaegerTag) text() string {
	var s string
	if json.Unmarshal(t.Value, &s) == nil {
		return s
	}
	return strings.TrimSpace(string(t.Value))
}
