// breaks: domain
// breaks: services apart

package domain

import (
	_ "example.com/x/services/billing/internal/domain"
)
