package console_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/tools/internal/console"
	"example.com/baton/tools/internal/fleet"
)

var at = time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)

// record sends a line through a journal, as a replica's line goes.
func record(t *testing.T, line string) fleet.Record {
	t.Helper()
	j := fleet.NewJournal(nil)
	j.Add("billing-1", line)
	return j.Since(0)[0]
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		in   console.Event
		want string
	}{
		{
			"run", console.Event{Kind: console.Log, Source: "billing-1", Data: record(t,
				`{"time":"2026-11-22T05:00:00Z","level":"INFO","msg":"run finished","instance":"billing-1","job":"close_overdue","result":"success","duration":5588527,"error":"","trace_id":"ab"}`)},
			"05:00:00.000 billing-1 │ ✔ run finished  job=close_overdue  result=success  duration=5.589ms\n",
		},
		{
			"not JSON", console.Event{Kind: console.Log, Source: "billing-1", Data: record(t, "panic: \x1b[2Joh\tno")},
			"05:00:00.000 billing-1 │ panic: ·[2Joh no\n",
		},
		{
			"several lines", console.Event{Kind: console.Warning, Text: "a\nb"},
			"05:00:00.000 baton     │ a\n    b\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			tt.in.Time = at
			console.NewTerminal(&b).Report(tt.in)
			require.Equal(t, tt.want, b.String())
		})
	}
}

func TestProgressIsPrintedNowAndThenWhereNothingCanBeRedrawn(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	p := console.NewTerminal(&b)
	for i := range 21 {
		p.Report(console.Event{Kind: console.Progress, Source: "jaeger", Text: "compiling", Time: at.Add(time.Duration(i) * time.Second)})
	}
	p.Report(console.Event{Kind: console.Progress, Source: "jaeger"})
	p.Close()
	require.Equal(t, 3, bytes.Count(b.Bytes(), []byte("\n")), b.String())
}

func TestJSON(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	p := console.NewJSON(&b)
	p.Report(console.Event{Kind: console.Log, Source: "billing-1", Data: record(t, `{"msg":"x","n":1}`), Time: at})
	p.Report(console.Event{Kind: console.Log, Source: "billing-1", Data: record(t, `not json`), Time: at})
	lines := bytes.Split(bytes.TrimSpace(b.Bytes()), []byte("\n"))
	require.Len(t, lines, 2)
	require.JSONEq(t, `{"time":"2026-11-22T05:00:00Z","event":"log","source":"billing-1","text":"x","data":{"msg":"x","n":1}}`, string(lines[0]))
	require.JSONEq(t, `{"time":"2026-11-22T05:00:00Z","event":"log","source":"billing-1","text":"not json"}`, string(lines[1]))
	for _, l := range lines {
		require.True(t, json.Valid(l))
	}
}
