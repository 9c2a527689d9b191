// Package proc runs child processes that cannot outlive this one.
//
// A [Group] starts children, each in its own process group so that a Ctrl-C in the terminal reaches
// only this process, which then stops the children in the order it wants. A child's end is always
// bounded: [Process.Stop] asks first and kills after the grace, and whatever the child itself left
// behind in its process group is killed with it.
//
// On Linux the kernel kills the children when this process dies, however it dies. Elsewhere a
// SIGKILL of this process leaves them running; every other end still stops them.
//
// It is not a supervisor: restarting is the caller's business.
package proc
