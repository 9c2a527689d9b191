// breaks: etcd

package schedulingotel

import (
	_ "go.etcd.io/etcd/api/v3/mvccpb"
)
