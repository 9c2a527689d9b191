package telemetry

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestErrorsOfTheSDKAreLoggedSeldom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		h := &errorHandler{log: slog.New(slog.NewTextHandler(&out, nil))}
		for range 100 {
			h.Handle(errors.New("collector down"))
		}
		require.Equal(t, 1, strings.Count(out.String(), "collector down"))
		time.Sleep(errorInterval)
		h.Handle(errors.New("collector down"))
		require.Equal(t, 2, strings.Count(out.String(), "collector down"))
		require.Contains(t, out.String(), "suppressed=99")
	})
}
