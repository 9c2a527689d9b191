// breaks: identity

package identity

import (
	_ "example.com/x/platform/config"
)
