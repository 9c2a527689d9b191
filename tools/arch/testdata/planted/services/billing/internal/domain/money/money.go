// breaks: domain has no io

package money

import (
	_ "net/http"
	_ "net/url"
)
