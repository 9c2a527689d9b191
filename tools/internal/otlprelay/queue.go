package otlprelay

import (
	"sync"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// queue is a first-in-first-out of requests, bounded by their encoded size.
type queue struct {
	limit int
	mu    struct {
		sync.Mutex
		items []item
		size  int
		spans Spans
		added chan struct{} // closed and replaced when an item arrives
	}
}

type item struct {
	request *collector.ExportTraceServiceRequest
	size    int
	spans   int
}

// Spans counts what passed through.
type Spans struct {
	Received  int // taken from exporters
	Delivered int // accepted by the receiver
	Dropped   int // given up: no room, or refused by the receiver
}

// Waiting is how many spans are in the queue.
func (s Spans) Waiting() int { return s.Received - s.Delivered - s.Dropped }

func newQueue(limit int) *queue {
	q := &queue{limit: limit}
	q.mu.added = make(chan struct{})
	return q
}

// push adds a request and makes room for it by dropping the oldest ones.
func (q *queue) push(r *collector.ExportTraceServiceRequest) {
	it := item{request: r, size: proto.Size(r), spans: countSpans(r)}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.spans.Received += it.spans
	if it.size > q.limit {
		q.mu.spans.Dropped += it.spans
		return
	}
	for q.mu.size+it.size > q.limit {
		q.mu.spans.Dropped += q.take().spans
	}
	q.mu.items = append(q.mu.items, it)
	q.mu.size += it.size
	close(q.mu.added)
	q.mu.added = make(chan struct{})
}

// pop removes the oldest item. When there is none, ok is false and added is closed on the next push.
func (q *queue) pop() (it item, ok bool, added <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.mu.items) == 0 {
		return item{}, false, q.mu.added
	}
	return q.take(), true, nil
}

// take needs the lock and an item.
func (q *queue) take() item {
	it := q.mu.items[0]
	q.mu.items[0] = item{} // lets the request go
	q.mu.items = q.mu.items[1:]
	q.mu.size -= it.size
	return it
}

func (q *queue) settle(it item, delivered bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if delivered {
		q.mu.spans.Delivered += it.spans
	} else {
		q.mu.spans.Dropped += it.spans
	}
}

func (q *queue) counts() Spans {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.mu.spans
}

func countSpans(r *collector.ExportTraceServiceRequest) int {
	n := 0
	for _, resource := range r.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			n += len(scope.GetSpans())
		}
	}
	return n
}
