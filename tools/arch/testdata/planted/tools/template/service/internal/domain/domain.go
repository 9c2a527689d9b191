// breaks: domain

package domain

import (
	_ "go.uber.org/zap"
)
