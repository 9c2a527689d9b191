// breaks: adapter

package http

import (
	_ "example.com/x/platform/httpserver/httpserverfx"
)
