// Package chaos does to a fleet what machines and networks do to it, and measures
// what that breaks: two leaders at once, runs started by a leader whose successor
// had begun, occurrences that start twice or never, time without a leader.
//
//	lab ──▶ etcd processes ◀── proxies ◀── replicas ──▶ their logs ──▶ check
//	             ▲               ▲            ▲
//	             └─────────── faults ─────────┘
//
// Everything is real: processes, signals, etcd and its disk, TCP. Only the
// network between a replica and etcd is a proxy that misbehaves on demand.
//
// It is not a benchmark (see tools/bench), and not a proof: it finds, it does not
// exclude.
package chaos
