package wiring

import (
	_ "example.com/x/platform/etcdtest"
	_ "example.com/x/services/billing/internal/app/mocks"
	_ "go.uber.org/fx/fxtest"
)
