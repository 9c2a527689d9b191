package billing

import (
	_ "example.com/x/services/billing/internal/wiring"
	_ "go.uber.org/fx"
)
