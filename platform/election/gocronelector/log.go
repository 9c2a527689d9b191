package gocronelector

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
)

// logHandler passes records on to a function of the kind SetLogger takes.
type logHandler struct {
	logger *atomic.Pointer[func(...any)]
	attrs  []slog.Attr
}

// Enabled implements slog.Handler.
func (h logHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo && h.logger.Load() != nil
}

// Handle implements slog.Handler: the message, then key=value.
func (h logHandler) Handle(_ context.Context, r slog.Record) error {
	fn := h.logger.Load()
	if fn == nil {
		return nil
	}
	var line strings.Builder
	line.WriteString(r.Message)
	write := func(a slog.Attr) bool {
		fmt.Fprintf(&line, " %s=%v", a.Key, a.Value)
		return true
	}
	for _, a := range h.attrs {
		write(a)
	}
	r.Attrs(write)
	(*fn)(line.String())
	return nil
}

// WithAttrs implements slog.Handler.
func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.attrs = append(slices.Clip(h.attrs), attrs...)
	return h
}

// WithGroup implements slog.Handler. Nothing here uses groups.
func (h logHandler) WithGroup(string) slog.Handler { return h }

var _ slog.Handler = logHandler{}
