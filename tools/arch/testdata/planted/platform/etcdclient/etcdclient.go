// breaks: test packages

package etcdclient

import (
	_ "example.com/x/platform/etcdtest"
	_ "go.etcd.io/etcd/client/v3"
)
