// breaks: mocks in tests only
// breaks: services apart

package wiring

import (
	_ "example.com/x/services/billing/internal/app/mocks"
	_ "example.com/x/services/orders/client"
	_ "go.uber.org/fx"
)
