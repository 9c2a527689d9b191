package fleet

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// journalSize bounds a journal. A laptop fleet writes a few records a second.
const journalSize = 100_000

// Journal keeps what the replicas logged, in the order it was read. The oldest records give way
// when it is full. Its methods may be called from any goroutine.
type Journal struct {
	observe func(Record)

	mu struct {
		sync.Mutex
		records []Record
		first   int           // Seq of records[0]
		grown   chan struct{} // closed and replaced when a record is added
	}
}

// NewJournal returns an empty journal. observe, when not nil, is called with every record, one at a
// time and before any waiter sees it; it must not call the journal.
func NewJournal(observe func(Record)) *Journal {
	j := &Journal{observe: observe}
	j.mu.grown = make(chan struct{})
	return j
}

// Add parses a line and appends it.
func (j *Journal) Add(source, line string) {
	r := parse(source, line, time.Now())
	j.mu.Lock()
	defer j.mu.Unlock()
	r.Seq = j.mu.first + len(j.mu.records)
	if j.observe != nil {
		j.observe(r)
	}
	if len(j.mu.records) == journalSize {
		drop := journalSize / 10
		j.mu.records = append(j.mu.records[:0], j.mu.records[drop:]...)
		j.mu.first += drop
	}
	j.mu.records = append(j.mu.records, r)
	close(j.mu.grown)
	j.mu.grown = make(chan struct{})
}

// Next is the Seq the next record will get: the place to wait from for what has not happened yet.
func (j *Journal) Next() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.mu.first + len(j.mu.records)
}

// Since returns the records from Seq on.
func (j *Journal) Since(seq int) []Record {
	records, _ := j.since(seq)
	return records
}

func (j *Journal) since(seq int) ([]Record, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	skip := min(max(seq-j.mu.first, 0), len(j.mu.records))
	return append([]Record(nil), j.mu.records[skip:]...), j.mu.grown
}

// Tail returns the last n lines a source wrote.
func (j *Journal) Tail(source string, n int) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var lines []string
	for i := len(j.mu.records) - 1; i >= 0 && len(lines) < n; i-- {
		if j.mu.records[i].Source == source {
			lines = append(lines, j.mu.records[i].Line)
		}
	}
	for i, k := 0, len(lines)-1; i < k; i, k = i+1, k-1 {
		lines[i], lines[k] = lines[k], lines[i]
	}
	return lines
}

// Wait returns the first record from Seq on that matches, waiting for it until ctx ends.
func (j *Journal) Wait(ctx context.Context, seq int, match func(Record) bool) (Record, error) {
	for {
		records, grown := j.since(seq)
		for _, r := range records {
			if match(r) {
				return r, nil
			}
			seq = r.Seq + 1
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return Record{}, fmt.Errorf("wait for a log record: %w", context.Cause(ctx))
		}
	}
}

// Msg matches records with the given message whose attributes have the given values: key, value, key, value…
func Msg(msg string, attrs ...string) func(Record) bool {
	return func(r Record) bool {
		if r.Msg != msg {
			return false
		}
		for i := 0; i+1 < len(attrs); i += 2 {
			if r.Get(attrs[i]) != attrs[i+1] {
				return false
			}
		}
		return true
	}
}
