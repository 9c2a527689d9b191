package memledger

import (
	_ "example.com/x/platform/scheduling/schedulingtest"
	_ "go.uber.org/goleak"
)
