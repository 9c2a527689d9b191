// Package pathelection is the election adapter for a path at which others contend
// already: etcdctl elect, clientv3/concurrency.Election, gocron-etcd-elector.
//
//	<path>/<lease id in hex>   a candidate   its instance id as plain text, on its lease
//
// The candidate with the lowest create revision leads, and that revision is the
// token of its term. Everybody else waits for the candidate right before it to go,
// so one candidate's end wakes one process.
//
//	           key written            nobody is before us
//	candidate ─────────────▶ queued ──────────────────────▶ leading
//	    ▲                      │ key or lease gone             │ lead has returned,
//	    │                      ▼                               ▼ or key or lease gone
//	    └────────────────── key deleted ◀──────────────────────┘
//
// It shares the keys with those libraries, not their code: a process here acts only
// while its own deadline has not passed, it steps down by itself before it tells
// etcd, and it deletes its key when its work has drained, so the next candidate
// leads milliseconds later. One process has one lease, whatever the number of
// groups.
//
// It is for migrating and for sharing a path. It moves no groups between members
// and awaits the death of a process from its lease; etcdelection does better in
// both.
//
// Invariant: of two tenures at one path, at most one is valid, as long as every
// contender keeps it. One that does not, because it believes in a lease that has
// expired, can act beside a leader of this package; the token (see Fence) is what
// refuses its writes.
//
// Every key below the path counts as a candidate, as it does for the others. So a
// path must not have anything else below it, and not another path.
package pathelection
