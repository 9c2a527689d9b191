// breaks: adapter

package sqlite

import (
	_ "example.com/x/platform/scheduling"
	_ "example.com/x/services/billing/internal/adapter/http"
	_ "example.com/x/services/billing/internal/app"
	_ "modernc.org/sqlite"
)
