// breaks: pkg

package leaf

import (
	_ "example.com/x/pkg/other"
	_ "example.org/third"
)
