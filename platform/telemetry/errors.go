package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
)

// errorInterval is the shortest time between two records about errors of the SDK. A collector that
// is down makes it complain with every batch.
const errorInterval = 30 * time.Second

// HandleErrors logs what goes wrong inside the OpenTelemetry SDK, at most once in half a minute. The
// handler is global to the process, so this is for mains.
func HandleErrors(log *slog.Logger) {
	otel.SetErrorHandler(&errorHandler{log: log})
}

type errorHandler struct {
	log *slog.Logger
	mu  struct {
		sync.Mutex
		next       time.Time
		suppressed int
	}
}

var _ otel.ErrorHandler = (*errorHandler)(nil)

func (h *errorHandler) Handle(err error) {
	suppressed, ok := h.admit(time.Now())
	if ok {
		h.log.LogAttrs(context.Background(), slog.LevelWarn, "telemetry error",
			slog.Any("error", err), slog.Int("suppressed", suppressed))
	}
}

func (h *errorHandler) admit(now time.Time) (suppressed int, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Before(h.mu.next) {
		h.mu.suppressed++
		return 0, false
	}
	suppressed, h.mu.suppressed = h.mu.suppressed, 0
	h.mu.next = now.Add(errorInterval)
	return suppressed, true
}
