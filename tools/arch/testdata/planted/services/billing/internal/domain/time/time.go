// breaks: domain

package time

import (
	_ "example.com/x/pkg/leaf"
)
