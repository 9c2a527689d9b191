// Package etcdelection is the election adapter on etcd.
//
// It does not use clientv3/concurrency: a Session there counts its deadline from
// the time the answer is read, and a Campaign outlives its own session (ADR
// 0002). Instead one process has one lease, one renewal loop and one watch,
// whatever the number of groups:
//
//	<base>/members/<instance>   who is there          JSON, on the process's lease
//	<base>/owners/<group>       who leads the group   JSON, on the owner's lease
//
// The token of a term is the revision of the write that made this process the
// owner.
//
//	           lease granted, member record written
//	┌────────┐ ───────────────────────────────────▶ ┌──────┐
//	│ opening│                                      │ open │──┐ renew every TTL/4
//	└────────┘ ◀─────────────────────────────────── └──────┘◀─┘
//	     ▲      deadline passed, lease gone: every     │
//	     │      term ends locally first (ErrLost)      │ Run's ctx ends: terms resign,
//	     │                                             ▼ lease renewed until they drained
//	 backoff                                      ┌─────────┐
//	                                              │ closing │──▶ lease revoked, Run returns
//	                                              └─────────┘
//
// Ownership changes by transactions, and is learnt from the watch alone: a term
// begins when the watch shows the owner record carrying this session's
// incarnation, and ends when it shows anything else. So an answer that got lost
// on the way back cannot make two parts of the process believe different things.
//
// An owner whose work has drained writes its successor, with the successor's
// lease, into the record in one transaction: nobody waits in a queue, and there
// is no gap. A group without a record is taken by the live member that
// rendezvous hashing ranks first; the others hold back for a moment, so that
// they neither stampede nor agree on anything.
//
// The death of a process is learnt from its kernel where that is possible, not
// awaited from the lease (package lifeline): the record of an owner that is
// proven to be gone is replaced in one transaction, if it is still the one that
// was seen. Should the proof be wrong, because something refused connections on
// behalf of a living process, that is noticed, counted, and not repeated; tokens
// stay unique all the same.
//
// Invariant: a process acts only while its own deadline, taken from the time the
// last granted or renewed request was *sent*, has not passed on either clock.
//
// Not covered: someone with write access who deletes records or revokes leases by
// hand, and clocks whose rates differ by more than 1 %. The fencing token is what
// protects data then.
package etcdelection
