// breaks: app

package app

import (
	_ "example.com/x/platform/scheduling"
	_ "example.com/x/services/billing/internal/domain"
)
