// breaks: app

package app

import (
	_ "example.com/x/platform/etcdtest"
	_ "example.com/x/services/billing/internal/app/mocks"
	_ "github.com/golang/mock/gomock"
)
