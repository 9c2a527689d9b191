// breaks: election port

package election

import (
	_ "example.com/x/pkg/leaf"
	_ "example.com/x/platform/config"
	_ "time"
)
