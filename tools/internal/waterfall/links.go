package waterfall

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// The parts of Jaeger's /api/v3/traces/{id} answer, which is OTLP, that are used.
type otlpAnswer struct {
	Result struct {
		ResourceSpans []struct {
			ScopeSpans []struct {
				Spans []otlpSpan `json:"spans"`
			} `json:"scopeSpans"`
		} `json:"resourceSpans"`
	} `json:"result"`
}

type otlpSpan struct {
	SpanID       string     `json:"spanId"`
	ParentSpanID string     `json:"parentSpanId"`
	Links        []otlpLink `json:"links"`
}

type otlpLink struct {
	TraceID    string `json:"traceId"`
	SpanID     string `json:"spanId"`
	Attributes []struct {
		Key   string `json:"key"`
		Value struct {
			StringValue string `json:"stringValue"`
		} `json:"value"`
	} `json:"attributes"`
}

// AddLinks completes a trace with an answer of /api/v3/traces/{id}: the older API keeps neither the
// attributes of links nor the difference between a parent and a link to it.
func (t *Trace) AddLinks(data []byte) error {
	var answer otlpAnswer
	if err := json.Unmarshal(data, &answer); err != nil {
		return fmt.Errorf("decode links: %w", err)
	}
	byID := make(map[string]otlpSpan)
	for _, r := range answer.Result.ResourceSpans {
		for _, s := range r.ScopeSpans {
			for _, span := range s.Spans {
				byID[hexID(span.SpanID)] = span
			}
		}
	}
	for i := range t.Spans {
		span, ok := byID[t.Spans[i].ID]
		if !ok {
			continue
		}
		t.Spans[i].ParentID = hexID(span.ParentSpanID)
		t.Spans[i].Links = nil
		for _, l := range span.Links {
			link := Link{TraceID: hexID(l.TraceID), SpanID: hexID(l.SpanID)}
			for _, a := range l.Attributes {
				if a.Key == "link.type" {
					link.Type = a.Value.StringValue
				}
			}
			t.Spans[i].Links = append(t.Spans[i].Links, link)
		}
	}
	return nil
}

// hexID accepts both spellings of an id: OTLP's JSON uses hex, plain protobuf JSON uses base64.
func hexID(id string) string {
	if len(id) == 16 || len(id) == 32 || id == "" {
		return id
	}
	if raw, err := base64.StdEncoding.DecodeString(id); err == nil {
		return hex.EncodeToString(raw)
	}
	return id
}
