package etcdtest

import (
	_ "go.etcd.io/etcd/server/v3/embed"
	_ "testing"
)
