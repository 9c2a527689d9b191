// breaks: platform below services

package httpserver

import (
	_ "example.com/x/services/billing/client"
)
