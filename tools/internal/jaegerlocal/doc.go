// Package jaegerlocal builds and runs the real Jaeger from the module tools/jaeger.
//
// Jaeger is large: the first build takes minutes and is kept in the user's cache directory, under a
// name that changes with the module's go.mod and go.sum. The build from the module has no web UI,
// only the query API; internal/tracepage shows the traces instead.
//
// Invariant: a cached binary is complete, because it gets its name only when the build is done.
package jaegerlocal
