// breaks: domain

package domain

import (
	_ "example.com/x/services/billing/internal/app"
	_ "example.com/x/services/billing/internal/domain/money"
	_ "time"
)
