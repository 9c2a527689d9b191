package waterfall

import (
	"math"
	"time"
)

// ticks returns four to eight round moments between 0 and total.
func ticks(total time.Duration) []time.Duration {
	if total <= 0 {
		return []time.Duration{0}
	}
	step := roundStep(float64(total) / 6)
	var out []time.Duration
	for i := 0; ; i++ {
		at := float64(i) * step
		if at > float64(total)*1.0001 || at >= math.MaxInt64 {
			return out
		}
		out = append(out, time.Duration(at))
	}
}

// roundStep returns 1, 2 or 5 times a power of ten not below raw.
func roundStep(raw float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(max(raw, 1))))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= raw {
			return m * power
		}
	}
	return 10 * power
}

// formatTick leaves out the decimals a round number does not have.
func formatTick(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	return d.String()
}
