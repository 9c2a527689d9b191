package fleet

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	t.Parallel()
	r := parse("billing-1", `{"time":"2026-11-22T05:00:00.5Z","level":"WARN","msg":"m","a":"x","n":12,"o":{"p":{"q":true},"e":{}},"l":[1,2]}`, time.Now())
	require.Equal(t, "WARN", r.Level)
	require.Equal(t, "m", r.Msg)
	require.Equal(t, time.Date(2026, 11, 22, 5, 0, 0, 500_000_000, time.UTC), r.Time)
	require.Equal(t, []Attr{{"a", "x"}, {"n", "12"}, {"o.p.q", "true"}, {"o.e", "{}"}, {"l", "[1,2]"}}, r.Attrs)
	require.Equal(t, "12", r.Get("n"))
	require.Empty(t, r.Get("missing"))
}

func TestParseLeavesOtherLinesAlone(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"", "panic: no", `{"a":1`, `{"a":1} {"b":2}`, `[1]`, `"x"`, "{} trailing"} {
		r := parse("s", line, time.Now())
		require.Equal(t, line, r.Line)
		require.Empty(t, r.Msg)
		require.Empty(t, r.Attrs, line)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"time":"2026-11-22T05:00:00.5Z","level":"WARN","msg":"m","a":{"b":[{"c":null}]}}`)
	f.Fuzz(func(t *testing.T, line string) {
		require.Equal(t, line, parse("s", line, time.Now()).Line)
	})
}

func TestJournalWaitSeesEarlierAndLaterRecords(t *testing.T) {
	t.Parallel()
	j := NewJournal(nil)
	j.Add("a", `{"msg":"one","k":"v"}`)
	r, err := j.Wait(t.Context(), 0, Msg("one", "k", "v"))
	require.NoError(t, err)
	require.Equal(t, 0, r.Seq)

	from := j.Next()
	go j.Add("a", `{"msg":"one","k":"w"}`)
	r, err = j.Wait(t.Context(), from, Msg("one"))
	require.NoError(t, err)
	require.Equal(t, "w", r.Get("k"))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = j.Wait(ctx, j.Next(), Msg("one"))
	require.ErrorIs(t, err, context.Canceled)
}

func TestJournalForgetsTheOldest(t *testing.T) {
	t.Parallel()
	j := NewJournal(nil)
	for range journalSize + 1 {
		j.Add("a", "x")
	}
	require.Equal(t, journalSize+1, j.Next())
	records := j.Since(0)
	require.Equal(t, journalSize/10, records[0].Seq)
	require.Equal(t, []string{"x", "x"}, j.Tail("a", 2))
	require.Empty(t, j.Tail("b", 2))
}

func TestOwnerKey(t *testing.T) {
	t.Parallel()
	service, group, ok := ownerKey("/baton/billing/owners/default")
	require.True(t, ok)
	require.Equal(t, "billing", service)
	require.Equal(t, "default", group)
	for _, key := range []string{"/baton/billing/members/a", "/baton/billing/owners/a/b", "/baton/x", ""} {
		_, _, ok := ownerKey(key)
		require.False(t, ok, key)
	}
}
