// breaks: app mocks

package mocks

import (
	_ "example.com/x/services/billing/internal/adapter/sqlite"
	_ "example.com/x/services/billing/internal/app"
	_ "github.com/golang/mock/gomock"
)
