// breaks: scheduling port

package scheduling

import (
	_ "example.com/x/platform/election"
	_ "example.com/x/platform/scheduling/gocronsched"
)
