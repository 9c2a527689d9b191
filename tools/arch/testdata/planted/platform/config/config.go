// breaks: fx at the edge
// breaks: test packages

package config

import (
	_ "go.uber.org/fx"
	_ "testing"
)
