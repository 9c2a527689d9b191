package etcdelection

import (
	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/platform/election"
)

// Fence returns the condition under which a transaction may write for a term: the
// owner record is still the one whose writing began it.
func (e *Elector) Fence(t election.Term) clientv3.Cmp {
	return clientv3.Compare(clientv3.ModRevision(e.cfg.ownerKey(t.Group)), "=", t.Token)
}
