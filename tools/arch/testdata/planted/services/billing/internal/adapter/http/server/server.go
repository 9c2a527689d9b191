// breaks: fx at the edge

package server

import (
	_ "example.com/x/services/billing/internal/adapter/http"
	_ "go.uber.org/fx"
)
