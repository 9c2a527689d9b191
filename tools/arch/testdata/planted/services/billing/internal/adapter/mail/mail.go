// breaks: adapter
// breaks: mocks in tests only

package mail

import (
	_ "example.com/x/services/billing/internal/adapter/smtp"
	_ "example.com/x/services/billing/internal/app/mocks"
)
