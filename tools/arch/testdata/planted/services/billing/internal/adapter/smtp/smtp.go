// breaks: adapter

package smtp

import (
	_ "example.com/x/services/billing/internal/wiring"
)
