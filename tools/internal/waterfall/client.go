package waterfall

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrNotFound says that Jaeger does not have the trace, or not yet.
var ErrNotFound = errors.New("waterfall: trace not found")

const (
	requestTimeout = 10 * time.Second
	maxAnswer      = 64 << 20
	lookback       = 48 * time.Hour
)

// Client reads from Jaeger's query API. Its methods may be called from any goroutine.
type Client struct {
	base string
	http *http.Client
}

// NewClient returns a client of the query API at base, such as "http://127.0.0.1:16686".
func NewClient(base string) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("jaeger url %q: must be http:// or https:// and a host", base)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	return &Client{
		base: strings.TrimRight(base, "/"),
		http: &http.Client{Timeout: requestTimeout, Transport: transport},
	}, nil
}

// Close releases the idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// URL is the base address.
func (c *Client) URL() string { return c.base }

var traceID = regexp.MustCompile(`^[0-9a-fA-F]{1,32}$`)

// IsTraceID reports whether a text can be a trace id.
func IsTraceID(s string) bool { return traceID.MatchString(s) }

// Trace fetches a trace by its id. The error is ErrNotFound when Jaeger does not know it.
func (c *Client) Trace(ctx context.Context, id string) (Trace, error) {
	if !IsTraceID(id) {
		return Trace{}, fmt.Errorf("trace id %q: must be up to 32 hex digits", id)
	}
	data, err := c.get(ctx, "/api/traces/"+id, nil)
	if err != nil {
		return Trace{}, err
	}
	traces, err := Decode(data)
	if err != nil {
		return Trace{}, err
	}
	if len(traces) == 0 || len(traces[0].Spans) == 0 {
		return Trace{}, ErrNotFound
	}
	t := traces[0]
	// Older versions of Jaeger have no v3 API: the trace is shown without the kinds of its links.
	if data, err := c.get(ctx, "/api/v3/traces/"+id, nil); err == nil {
		_ = t.AddLinks(data)
	}
	return t, nil
}

// Run fetches the trace of a run by its job.run.id, the latest one when there are several.
func (c *Client) Run(ctx context.Context, runID string) (Trace, error) {
	traces, err := c.search(ctx, 20, map[string]string{"job.run.id": runID})
	if err != nil {
		return Trace{}, err
	}
	if len(traces) == 0 {
		return Trace{}, ErrNotFound
	}
	return c.Trace(ctx, traces[0].ID)
}

// Recent returns the latest traces of runs, at most limit, the latest first.
func (c *Client) Recent(ctx context.Context, limit int) ([]Trace, error) {
	traces, err := c.search(ctx, limit, nil)
	if err != nil {
		return nil, err
	}
	traces = slices.DeleteFunc(traces, func(t Trace) bool { return t.Attr("job.run.id") == "" })
	return traces[:min(len(traces), limit)], nil
}

// search asks for every service, as Jaeger can search one at a time only.
func (c *Client) search(ctx context.Context, limit int, tags map[string]string) ([]Trace, error) {
	services, err := c.Services(ctx)
	if err != nil {
		return nil, err
	}
	query := url.Values{
		"limit":    {strconv.Itoa(limit)},
		"lookback": {lookback.String()},
	}
	if len(tags) > 0 {
		encoded, err := json.Marshal(tags)
		if err != nil {
			return nil, err
		}
		query.Set("tags", string(encoded))
	}
	byID := make(map[string]Trace)
	for _, service := range services {
		query.Set("service", service)
		data, err := c.get(ctx, "/api/traces", query)
		if err != nil {
			return nil, err
		}
		found, err := Decode(data)
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			byID[t.ID] = t
		}
	}
	traces := make([]Trace, 0, len(byID))
	for _, t := range byID {
		traces = append(traces, t)
	}
	slices.SortFunc(traces, func(a, b Trace) int {
		startA, _ := a.Bounds()
		startB, _ := b.Bounds()
		return cmp.Or(startB.Compare(startA), cmp.Compare(a.ID, b.ID))
	})
	return traces, nil
}

// Services returns the names of the services Jaeger has spans of.
func (c *Client) Services(ctx context.Context) ([]string, error) {
	data, err := c.get(ctx, "/api/services", nil)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data []string `json:"data"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, fmt.Errorf("jaeger services: %w", err)
	}
	return answer.Data, nil
}

// HasUI reports whether the address serves Jaeger's web pages; a build from the Go module does not.
func (c *Client) HasUI(ctx context.Context) bool {
	page, err := c.get(ctx, "/", nil)
	return err == nil && !strings.Contains(string(page), "not the Jaeger UI")
}

func (c *Client) get(ctx context.Context, path string, query url.Values) ([]byte, error) {
	target := c.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, fmt.Errorf("ask jaeger: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask jaeger: %w", err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case err != nil:
		return nil, fmt.Errorf("ask jaeger: %w", err)
	case resp.StatusCode == http.StatusNotFound:
		return nil, ErrNotFound
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("ask jaeger: GET %s: %s", path, resp.Status)
	}
	return data, nil
}
