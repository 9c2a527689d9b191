package schedulingotel_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"example.com/baton/platform/telemetry/attr"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with the file of that name.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), text)
}

// render draws spans as trees, with times from the beginning of the bubble. Ids
// are random: a link or a parent that is not among the spans shows as "?".
func render(spans []sdktrace.ReadOnlySpan) string {
	spans = slices.Clone(spans)
	slices.SortStableFunc(spans, func(a, b sdktrace.ReadOnlySpan) int { return a.StartTime().Compare(b.StartTime()) })
	r := renderer{spans: spans, names: map[trace.SpanID]string{}}
	for _, s := range spans {
		r.names[s.SpanContext().SpanID()] = label(s)
	}
	for _, s := range spans {
		if !s.Parent().IsValid() {
			r.draw(s, "")
		} else if _, known := r.names[s.Parent().SpanID()]; !known {
			fmt.Fprintf(&r.out, "?\n")
			r.draw(s, "  ")
		}
	}
	return r.out.String()
}

type renderer struct {
	spans []sdktrace.ReadOnlySpan
	names map[trace.SpanID]string
	out   strings.Builder
}

// label is the name of a span, with what tells it from others of that name.
func label(s sdktrace.ReadOnlySpan) string {
	all := attributes(s)
	if attempt, ok := all[attr.JobRunAttempt]; ok {
		return fmt.Sprintf("%s #%d", s.Name(), attempt)
	}
	if strings.HasPrefix(s.Name(), "leadership ") {
		return fmt.Sprintf("%s (%d)", s.Name(), all[attr.Token])
	}
	return s.Name()
}

var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (r *renderer) draw(s sdktrace.ReadOnlySpan, indent string) {
	fmt.Fprintf(&r.out, "%s%s %s %s–%s", indent, label(s), strings.ToUpper(s.SpanKind().String()), s.StartTime().Sub(start), s.EndTime().Sub(start))
	if s.Status().Code == codes.Error {
		fmt.Fprintf(&r.out, " ERROR %q", s.Status().Description)
	}
	r.out.WriteByte('\n')
	for _, a := range slices.SortedFunc(slices.Values(s.Attributes()), func(a, b attribute.KeyValue) int { return strings.Compare(string(a.Key), string(b.Key)) }) {
		fmt.Fprintf(&r.out, "%s    %s = %s\n", indent, a.Key, a.Value.String())
	}
	for _, l := range s.Links() {
		to, known := r.names[l.SpanContext.SpanID()]
		if !known {
			to = "?"
		}
		fmt.Fprintf(&r.out, "%s    link %s → %s\n", indent, l.Attributes[0].Value.String(), to)
	}
	for _, child := range r.spans {
		if child.Parent().SpanID() == s.SpanContext().SpanID() {
			r.draw(child, indent+"  ")
		}
	}
}
