// Package gocronelector lets a program that uses gocron-etcd-elector change over by
// changing its import.
//
// The constructors, options and methods have the names and shapes that such a
// program uses, and the keys are the same, so old and new processes contend at one
// path (package pathelection). Underneath nothing is the same: leadership ends here
// when its proof does, before anybody else can have it, and Stop hands it over in
// milliseconds.
//
// It protects the moment at which gocron asks whether to start a job. A job that
// runs on after that is stopped by its own context only if it takes it from Tenure,
// and what it writes is protected only if it carries Term's token.
//
// It is not for new programs: they lead groups through election.Elector and have
// their occurrences claimed by the engine.
//
// Invariant: IsLeader returns nil only while the tenure of a term of this process is
// valid, as read from the clocks at that moment.
package gocronelector
