package fleet

import (
	"bytes"
	"encoding/json"
	"time"
)

// The messages every service logs at the edges of a term and of a run. Tools depend on them.
const (
	TermStarted = "term started"
	TermEnded   = "term ended"
	RunStarted  = "run started"
	RunFinished = "run finished"
)

// Record is one line a replica wrote.
type Record struct {
	Seq    int       // position in the journal, from 0
	Source string    // instance id of the replica
	Seen   time.Time // when the line was read
	Line   string    // as written

	// The rest is empty when the line is not a JSON log record.
	Time  time.Time
	Level string
	Msg   string
	Attrs []Attr // in the order written, without time, level and msg
}

// Attr is one key of a record; nested objects are joined with dots.
type Attr struct{ Key, Value string }

// Get returns the value of a key, or "".
func (r Record) Get(key string) string {
	for _, a := range r.Attrs {
		if a.Key == key {
			return a.Value
		}
	}
	return ""
}

// parse reads a slog JSON line. Anything else becomes a record with only Line set.
func parse(source, line string, seen time.Time) Record {
	r := Record{Source: source, Seen: seen, Line: line}
	dec := json.NewDecoder(bytes.NewReader([]byte(line)))
	dec.UseNumber()
	attrs, ok := object(dec)
	if !ok || dec.More() {
		return r
	}
	for _, a := range attrs {
		switch a.Key {
		case "time":
			r.Time, _ = time.Parse(time.RFC3339Nano, a.Value)
		case "level":
			r.Level = a.Value
		case "msg":
			r.Msg = a.Value
		default:
			r.Attrs = append(r.Attrs, a)
		}
	}
	return r
}

// object reads one JSON object, joining the keys of the objects in it with dots.
func object(dec *json.Decoder) ([]Attr, bool) {
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	var attrs []Attr
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, false
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, false
		}
		attrs = append(attrs, flatten(key.(string), value)...)
	}
	_, err := dec.Token()
	return attrs, err == nil
}

func flatten(key string, value json.RawMessage) []Attr {
	switch value[0] {
	case '"':
		var s string
		if json.Unmarshal(value, &s) == nil {
			return []Attr{{key, s}}
		}
	case '{':
		// Depth is bounded: the decoder refuses to nest deeper than 10 000 levels.
		inner, ok := object(json.NewDecoder(bytes.NewReader(value)))
		if !ok || len(inner) == 0 {
			break
		}
		for i := range inner {
			inner[i].Key = key + "." + inner[i].Key
		}
		return inner
	}
	return []Attr{{key, string(value)}}
}
