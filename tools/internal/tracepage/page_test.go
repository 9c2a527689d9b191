package tracepage_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.com/baton/tools/internal/tracepage"
	"example.com/baton/tools/internal/waterfall"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const id = "7f3c9a1be0d24c55a1b2c3d4e5f60718"

// jaeger answers as the query API does, from the waterfall package's fixture.
func jaeger(t *testing.T) *httptest.Server {
	t.Helper()
	trace, err := os.ReadFile("../waterfall/testdata/takeover.json")
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("/api/services", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"data":["billing","etcd"]}`)
	})
	send := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(trace) }
	mux.HandleFunc("/api/traces", send)
	mux.HandleFunc("/api/traces/"+id, send)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv
}

func fetch(t *testing.T, url, host string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	if host != "" {
		req.Host = host
	}
	tr := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: tr}).Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body), resp.Header
}

func TestPages(t *testing.T) {
	s, err := tracepage.Start()
	require.NoError(t, err)
	defer s.Close()

	s.SetStatus("Jaeger is being built.")
	code, body, _ := fetch(t, s.URL(), "")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, "Jaeger is being built.")
	code, _, _ = fetch(t, s.URL()+"trace/"+id, "")
	require.Equal(t, http.StatusServiceUnavailable, code)

	client, err := waterfall.NewClient(jaeger(t).URL)
	require.NoError(t, err)
	defer client.Close()
	s.SetClient(client)

	_, body, header := fetch(t, s.URL(), "")
	require.Contains(t, body, `<a href="/trace/`+id+`">close_overdue@20261122T050000Z</a>`)
	require.Contains(t, body, "billing-2", "the last attempt counts")
	require.Contains(t, header.Get("Content-Security-Policy"), "default-src 'none'")

	_, body, _ = fetch(t, s.URL()+"trace/"+id, "")
	require.Contains(t, body, "<svg")
	require.NotContains(t, body, "<style", "the policy allows no inline style")
	require.NotContains(t, body, "<script")

	_, body, header = fetch(t, s.URL()+"trace/"+id+"/picture.svg", "")
	require.Contains(t, body, "<style")
	require.Equal(t, "image/svg+xml", header.Get("Content-Type"))

	code, _, _ = fetch(t, s.URL()+"trace/0123", "")
	require.Equal(t, http.StatusNotFound, code)
	code, _, _ = fetch(t, s.URL()+"trace/nonsense", "")
	require.Equal(t, http.StatusNotFound, code)
	code, _, _ = fetch(t, s.URL(), "rebound.example.com")
	require.Equal(t, http.StatusForbidden, code)
}
