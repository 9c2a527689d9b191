// breaks: pkg
// breaks: platform below services

package other

import (
	_ "example.com/x/tools/arch"
)
