package waterfall_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/tools/internal/waterfall"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return data
}

// takeover is a run whose first attempt died with its leader.
func takeover(t testing.TB) waterfall.Trace {
	t.Helper()
	traces, err := waterfall.Decode(read(t, "takeover.json"))
	require.NoError(t, err)
	require.Len(t, traces, 1)
	require.NoError(t, traces[0].AddLinks(read(t, "takeover.v3.json")))
	return traces[0]
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(filepath.Join("testdata", name), got, 0o644))
	}
	require.Equal(t, string(read(t, name)), string(got), "run with -update if the change is intended")
}

func text(t testing.TB, tr waterfall.Trace, o waterfall.TextOptions) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, tr.Text(&b, o))
	return b.String()
}

// svg draws and checks that the picture is well-formed XML.
func svg(t testing.TB, tr waterfall.Trace) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, tr.SVG(&b, waterfall.SVGOptions{}))
	dec := xml.NewDecoder(bytes.NewReader(b.Bytes()))
	for {
		_, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		require.NoError(t, err)
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	tr := takeover(t)
	golden(t, "takeover.txt", []byte(text(t, tr, waterfall.TextOptions{})))
	golden(t, "takeover.svg", []byte(svg(t, tr)))
}

func TestLinksKeepTheirKindAndOtherTraces(t *testing.T) {
	t.Parallel()
	for _, s := range takeover(t).Spans {
		if s.Attr("job.run.attempt") == "2" {
			require.Equal(t, []waterfall.Link{
				{TraceID: "00aa00aa00aa00aa00aa00aa00aa00aa", SpanID: "b000000000000002", Type: "leader_term"},
				{TraceID: "7f3c9a1be0d24c55a1b2c3d4e5f60718", SpanID: "a000000000000004", Type: "resumes"},
			}, s.Links)
			require.Equal(t, "a000000000000001", s.ParentID)
			return
		}
	}
	require.FailNow(t, "no second attempt")
}

func TestColorOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	require.NotContains(t, text(t, takeover(t), waterfall.TextOptions{}), "\x1b")
	require.Contains(t, text(t, takeover(t), waterfall.TextOptions{Color: true}), "\x1b")
}

func count(tr waterfall.Trace) int {
	n := 0
	waterfall.Walk(tr.Tree(), func(*waterfall.Node) { n++ })
	return n
}

func TestOddTraces(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_000_000, 0)
	span := func(id, parent string, offset time.Duration) waterfall.Span {
		return waterfall.Span{ID: id, ParentID: parent, Name: "n" + id, Service: "s", Start: at.Add(offset), Duration: time.Second}
	}
	tests := []struct {
		name  string
		spans []waterfall.Span
		want  int    // nodes in the tree
		says  string // what the text mentions
	}{
		{"no spans", nil, 0, "0 spans"},
		{"orphan", []waterfall.Span{span("1", "9", 0)}, 1, "parent 9 is not in the trace"},
		{"own parent", []waterfall.Span{span("1", "1", 0)}, 1, "form a loop"},
		{"loop", []waterfall.Span{span("1", "3", 0), span("2", "1", 1), span("3", "2", 2)}, 3, "form a loop"},
		{"child before parent", []waterfall.Span{span("1", "", 0), span("2", "1", -time.Hour)}, 2, "n2"},
		{"stored twice", []waterfall.Span{span("1", "", 0), span("1", "", 0)}, 1, "n1"},
		{"two with one id", []waterfall.Span{span("1", "", 0), span("1", "", 1)}, 2, "another span has the same id"},
		{"hostile text", []waterfall.Span{{ID: "1", Name: "a\x1b[31m<script>\x00\xff", Service: "\n]]>", Start: at}}, 1, "<script>"},
		{"no duration", []waterfall.Span{{ID: "1", Start: at}}, 1, "0ns"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tr := waterfall.Trace{ID: "f", Spans: tt.spans}
			require.Equal(t, tt.want, count(tr))
			out := text(t, tr, waterfall.TextOptions{})
			require.Contains(t, out, tt.says)
			require.NotContains(t, out, "\x1b")
			require.NotContains(t, svg(t, tr), "<script>")
		})
	}
}

func TestThousandsOfSpans(t *testing.T) {
	t.Parallel()
	const n = 5000
	at := time.Unix(1_000_000, 0)
	chain := waterfall.Trace{ID: "f"}
	for i := range n {
		s := waterfall.Span{ID: fmt.Sprint(i + 1), Name: "n", Start: at.Add(time.Duration(i)), Duration: time.Hour}
		if i > 0 {
			s.ParentID = fmt.Sprint(i)
		}
		chain.Spans = append(chain.Spans, s)
	}
	require.Equal(t, n, count(chain))
	out := text(t, chain, waterfall.TextOptions{})
	require.Contains(t, out, "… 4500 more spans")
	require.Contains(t, svg(t, chain), "… 4000 more spans")
	for line := range strings.Lines(out) {
		require.Less(t, len(line), 400)
	}
}

func TestDecodeErrors(t *testing.T) {
	t.Parallel()
	_, err := waterfall.Decode([]byte(`{"errors":[{"msg":"trace not found"}]}`))
	require.ErrorContains(t, err, "trace not found")
	_, err = waterfall.Decode([]byte(`<html>`))
	require.ErrorContains(t, err, "decode traces")
}

func FuzzDecode(f *testing.F) {
	f.Add(read(f, "takeover.json"), read(f, "takeover.v3.json"))
	f.Add([]byte(`{"data":[{"spans":[{"startTime":-9223372036854775808,"duration":9223372036854775807}]}]}`), []byte(`{}`))
	f.Fuzz(func(t *testing.T, v1, v3 []byte) {
		traces, err := waterfall.Decode(v1)
		if err != nil {
			return
		}
		for _, tr := range traces {
			_ = tr.AddLinks(v3)
			require.LessOrEqual(t, count(tr), len(tr.Spans))
			text(t, tr, waterfall.TextOptions{})
			svg(t, tr)
		}
	})
}
