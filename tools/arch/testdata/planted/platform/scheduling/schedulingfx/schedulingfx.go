// breaks: gocron

package schedulingfx

import (
	_ "github.com/go-co-op/gocron/v2"
	_ "go.uber.org/fx"
)
