// Package etcdlocal runs etcd inside this process, on loopback, for development and tests.
//
// It serves no TLS and no passwords and its members die together with the process, so it says
// nothing about how etcd behaves when a member fails. Invariant: nothing listens on anything but
// loopback, and Close leaves no goroutine, port or lock behind.
package etcdlocal
