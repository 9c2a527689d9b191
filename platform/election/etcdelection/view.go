package etcdelection

import (
	"cmp"
	"encoding/json"
	"hash/fnv"
	"slices"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// view is what the watch has shown so far: who is there and who leads what.
type view struct {
	cfg     Config
	members map[string]member // by instance
	owners  map[string]owner  // by group
}

type member struct {
	memberRecord
	created int64 // revision of the record's creation
	written int64 // revision of its last write
	lease   clientv3.LeaseID
}

type owner struct {
	ownerRecord
	token int64 // revision of the record's last write
	lease clientv3.LeaseID
}

func newView(cfg Config) *view {
	return &view{cfg: cfg, members: map[string]member{}, owners: map[string]owner{}}
}

func (v *view) put(kv *mvccpb.KeyValue) {
	key := string(kv.Key)
	if instance, ok := v.instance(key); ok {
		m := member{created: kv.CreateRevision, written: kv.ModRevision, lease: clientv3.LeaseID(kv.Lease)}
		// A record that cannot be read still is a member: it only can't be
		// chosen as a successor, because its incarnation is unknown.
		_ = json.Unmarshal(kv.Value, &m.memberRecord)
		v.members[instance] = m
	} else if group, ok := v.group(key); ok {
		o := owner{token: kv.ModRevision, lease: clientv3.LeaseID(kv.Lease)}
		_ = json.Unmarshal(kv.Value, &o.ownerRecord)
		v.owners[group] = o
	}
}

func (v *view) remove(key string) {
	if instance, ok := v.instance(key); ok {
		delete(v.members, instance)
	} else if group, ok := v.group(key); ok {
		delete(v.owners, group)
	}
}

func (v *view) instance(key string) (string, bool) {
	return strings.CutPrefix(key, v.cfg.Base+"/members/")
}

func (v *view) group(key string) (string, bool) {
	return strings.CutPrefix(key, v.cfg.Base+"/owners/")
}

// rank returns how many live members come before instance for group, by
// rendezvous (highest random weight) hashing: every member computes the same
// order without talking, and a member that comes or goes moves only its share.
// Thaler and Ravishankar, "Using name-based mappings to increase hit rates",
// IEEE/ACM Transactions on Networking 6(1), 1998. Members known to be dead don't
// count.
func (v *view) rank(group, instance string, dead map[string]death) int {
	own := weight(group, instance)
	n := 0
	for other, m := range v.members {
		if _, gone := dead[m.Incarnation]; other != instance && !gone && !m.Observer && before(weight(group, other), other, own, instance) {
			n++
		}
	}
	return n
}

// successor returns the live member, other than instance, that ranks first for
// group.
//
// The member called hint comes before all others if it can lead.
func (v *view) successor(group, instance, hint string, dead map[string]death) (string, member, bool) {
	var names []string
	for name, m := range v.members {
		if _, gone := dead[m.Incarnation]; name != instance && !gone && !m.Observer && m.Incarnation != "" && m.lease != 0 {
			names = append(names, name)
		}
	}
	if slices.Contains(names, hint) {
		return hint, v.members[hint], true
	}
	if len(names) == 0 {
		return "", member{}, false
	}
	best := slices.MaxFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(weight(group, a), weight(group, b)), cmp.Compare(a, b))
	})
	return best, v.members[best], true
}

func before(wa uint64, a string, wb uint64, b string) bool {
	return cmp.Or(cmp.Compare(wa, wb), cmp.Compare(a, b)) > 0
}

func weight(group, instance string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(group))
	h.Write([]byte{0})
	h.Write([]byte(instance))
	// FNV spreads short, similar names badly; one round of a 64-bit finalizer
	// (murmur3's fmix64) does the rest.
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	return x
}
