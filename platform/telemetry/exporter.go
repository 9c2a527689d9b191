package telemetry

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// drain gives an exporter an end. The SDK's batcher answers a shutdown in time, but behind that it
// goes on handing its queue to a dead collector, batch after batch, each for as long as an export may
// take. So once draining has begun the first batch that fails, or the end of the time, ends it all.
type drain struct {
	next     sdktrace.SpanExporter
	draining atomic.Bool
	lost     atomic.Int64 // spans that failed while draining
	aborted  chan struct{}
	abort    func()
}

var _ sdktrace.SpanExporter = (*drain)(nil)

func newDrain(next sdktrace.SpanExporter) *drain {
	aborted := make(chan struct{})
	return &drain{next: next, aborted: aborted, abort: sync.OnceFunc(func() { close(aborted) })}
}

var errAborted = errors.New("given up at the end of the process")

// ExportSpans hands spans on unless the exporter was aborted.
func (d *drain) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := d.export(ctx, spans)
	if err != nil && d.draining.Load() {
		d.lost.Add(int64(len(spans)))
		d.abort()
	}
	return err
}

func (d *drain) export(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	select {
	case <-d.aborted:
		return errAborted
	default:
	}
	go func() {
		select {
		case <-d.aborted:
			cancel(errAborted)
		case <-ctx.Done():
		}
	}()
	return d.next.ExportSpans(ctx, spans)
}

// Shutdown ends the exporter itself.
func (d *drain) Shutdown(ctx context.Context) error { return d.next.Shutdown(ctx) }

// begin lets what follows be the last exports; when ctx ends they are given up.
func (d *drain) begin(ctx context.Context) (end func()) {
	d.draining.Store(true)
	stop := context.AfterFunc(ctx, d.abort)
	return func() { stop() }
}

func (d *drain) err() error {
	if lost := d.lost.Load(); lost > 0 {
		return fmt.Errorf("telemetry: %d spans not delivered", lost)
	}
	return nil
}
