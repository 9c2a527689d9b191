// breaks: election port

package proof

import (
	_ "example.com/x/platform/election"
	_ "golang.org/x/sync/errgroup"
)
