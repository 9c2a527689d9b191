package console

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"example.com/baton/tools/internal/fleet"
)

// JSON prints every event as one line of JSON. Report may be called from any goroutine.
type JSON struct {
	mu  sync.Mutex
	enc *json.Encoder
}

// NewJSON returns a printer to w.
func NewJSON(w io.Writer) *JSON {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &JSON{enc: enc}
}

// Report prints e. A replica's JSON record is passed on as it was written.
func (j *JSON) Report(e Event) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	if r, ok := e.Data.(fleet.Record); ok {
		e.Data, e.Text = nil, r.Line
		if json.Valid([]byte(r.Line)) {
			e.Data, e.Text = json.RawMessage(r.Line), r.Msg
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_ = j.enc.Encode(e) // a closed pipe ends the program by itself
}

// Close does nothing; it is there for the same shape as Terminal.
func (j *JSON) Close() {}
