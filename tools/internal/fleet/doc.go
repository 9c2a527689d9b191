// Package fleet runs the replicas of the repository's services as real processes.
//
// It finds the services, builds them, starts their replicas on free loopback ports with the
// environment every service understands, keeps what they log as parsed records, restarts what dies
// and follows in etcd who owns which election group. `baton up` and the end-to-end tests are made of it.
//
// It is not a deployment tool: one machine, no resource limits, no secrets.
// Invariant: every process it starts belongs to a [proc.Group], so none survives its owner.
package fleet
