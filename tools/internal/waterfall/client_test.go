package waterfall_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/baton/tools/internal/waterfall"
)

const takeoverID = "7f3c9a1be0d24c55a1b2c3d4e5f60718"

// query answers like Jaeger's query API with the fixture as its only trace.
func query(t *testing.T) (*waterfall.Client, *http.ServeMux) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/api/services", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"data":["billing","etcd"]}`)
	})
	mux.HandleFunc("/api/traces", func(w http.ResponseWriter, r *http.Request) {
		tags := r.URL.Query().Get("tags")
		if r.URL.Query().Get("service") == "etcd" || (tags != "" && tags != `{"job.run.id":"close_overdue@20261122T050000Z"}`) {
			_, _ = io.WriteString(w, `{"data":[]}`)
			return
		}
		_, _ = w.Write(read(t, "takeover.json"))
	})
	mux.HandleFunc("/api/traces/"+takeoverID, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(read(t, "takeover.json")) })
	mux.HandleFunc("/api/v3/traces/"+takeoverID, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(read(t, "takeover.v3.json")) })
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	c, err := waterfall.NewClient(srv.URL + "/")
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c, mux
}

func TestClientFindsARunByItsID(t *testing.T) {
	t.Parallel()
	c, _ := query(t)
	tr, err := c.Run(t.Context(), "close_overdue@20261122T050000Z")
	require.NoError(t, err)
	require.Equal(t, takeover(t), tr, "with the kinds of its links")

	_, err = c.Run(t.Context(), "other@1")
	require.ErrorIs(t, err, waterfall.ErrNotFound)
	recent, err := c.Recent(t.Context(), 5)
	require.NoError(t, err)
	require.Len(t, recent, 1)
}

func TestClientErrors(t *testing.T) {
	t.Parallel()
	c, mux := query(t)
	mux.HandleFunc("/api/traces/ff", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusInternalServerError) })
	mux.HandleFunc("/api/traces/fe", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") })

	_, err := c.Trace(t.Context(), "0123")
	require.ErrorIs(t, err, waterfall.ErrNotFound)
	_, err = c.Trace(t.Context(), "../secret")
	require.ErrorContains(t, err, "hex digits")
	_, err = c.Trace(t.Context(), "ff")
	require.ErrorContains(t, err, "500")
	_, err = c.Trace(t.Context(), "fe")
	require.ErrorContains(t, err, "decode traces")

	_, err = waterfall.NewClient("localhost:16686")
	require.ErrorContains(t, err, "http://")
}

func TestClientTellsAUIFromItsPlaceholder(t *testing.T) {
	t.Parallel()
	c, mux := query(t)
	require.False(t, c.HasUI(t.Context()), "no page at all")
	page := "<title>Jaeger UI</title>"
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) })
	require.True(t, c.HasUI(t.Context()))
	page = "This is not the Jaeger UI you are looking for!"
	require.False(t, c.HasUI(t.Context()))
}
