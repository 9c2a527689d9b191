package otlprelay

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// DefaultLimit is the usual bound of the queue: about 200 000 spans.
	DefaultLimit = 64 << 20

	maxRequest     = 16 << 20
	deliverTimeout = 5 * time.Second
)

// Relay is an OTLP/gRPC trace receiver in front of another one. Its methods may be called from any
// goroutine.
type Relay struct {
	queue   *queue
	server  *grpc.Server
	address string
	work    sync.WaitGroup

	mu struct {
		sync.Mutex
		cancel context.CancelFunc // of the delivery, nil before Deliver
		closed bool
	}
}

// Start listens on address, "127.0.0.1:0" for a free port. limit bounds the queue in bytes; 0 means
// DefaultLimit.
func Start(address string, limit int) (*Relay, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("start OTLP relay: %w", err)
	}
	if limit == 0 {
		limit = DefaultLimit
	}
	r := &Relay{
		queue:   newQueue(limit),
		server:  grpc.NewServer(grpc.MaxRecvMsgSize(maxRequest), grpc.ConnectionTimeout(10*time.Second)),
		address: l.Addr().String(),
	}
	collector.RegisterTraceServiceServer(r.server, receiver{queue: r.queue})
	r.work.Go(func() { _ = r.server.Serve(l) }) // ends with Stop; a broken listener shows at the exporters
	return r, nil
}

// Address is host:port of the relay.
func (r *Relay) Address() string { return r.address }

// Spans tells what has passed through so far.
func (r *Relay) Spans() Spans { return r.queue.counts() }

// Deliver begins to hand the queue to a receiver. The connection belongs to the relay from here on.
// Only the first call counts.
func (r *Relay) Deliver(conn *grpc.ClientConn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.closed || r.mu.cancel != nil {
		conn.Close()
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.mu.cancel = cancel
	r.work.Go(func() {
		defer conn.Close()
		r.deliver(ctx, collector.NewTraceServiceClient(conn))
	})
}

func (r *Relay) deliver(ctx context.Context, client collector.TraceServiceClient) {
	for ctx.Err() == nil {
		it, ok, added := r.queue.pop()
		if !ok {
			select {
			case <-added:
			case <-ctx.Done():
			}
			continue
		}
		r.queue.settle(it, send(ctx, client, it))
	}
}

// send tries until the receiver accepts or refuses the request, or ctx ends.
func send(ctx context.Context, client collector.TraceServiceClient, it item) bool {
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		ctx, cancel := context.WithTimeout(ctx, deliverTimeout)
		defer cancel()
		_, err := client.Export(ctx, it.request)
		if err != nil && !temporary(err) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithMaxElapsedTime(0))
	return err == nil
}

// temporary follows the OTLP specification's table of retryable codes.
func temporary(err error) bool {
	switch status.Code(err) {
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange,
		codes.Unavailable, codes.DataLoss, codes.ResourceExhausted:
		return true
	}
	return false
}

// Drain waits until everything received has been delivered or given up, or ctx ends.
func (r *Relay) Drain(ctx context.Context) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for r.Spans().Waiting() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Close stops listening and delivering and waits for both.
func (r *Relay) Close() {
	r.server.Stop()
	r.mu.Lock()
	r.mu.closed = true
	if r.mu.cancel != nil {
		r.mu.cancel()
	}
	r.mu.Unlock()
	r.work.Wait()
}

type receiver struct {
	collector.UnimplementedTraceServiceServer
	queue *queue
}

// Export accepts everything: an exporter can do nothing better with spans that do not fit.
func (s receiver) Export(
	_ context.Context, r *collector.ExportTraceServiceRequest,
) (*collector.ExportTraceServiceResponse, error) {
	s.queue.push(r)
	return &collector.ExportTraceServiceResponse{}, nil
}
