// breaks: test packages

package memledger

import (
	_ "example.com/x/platform/scheduling/schedulingtest"
)
