// Package attr names the attributes of spans and metrics.
//
// OpenTelemetry has no convention for jobs yet. These names are Baton's own, kept
// in one place so that a convention, once there is one, changes one file. Results
// use the vocabulary of the convention for CI/CD pipelines.
//
// Rule: what grows with time (run ids, tokens, due times) is for spans only. On a
// metric it would make a new series for every run.
package attr

import "go.opentelemetry.io/otel/attribute"

// Attributes of spans; those marked (m) are attributes of metrics too.
const (
	JobName       = attribute.Key("job.name")               // (m) name of the job
	JobRunID      = attribute.Key("job.run.id")             // occurrence, "close_overdue@20261122T050000Z": the same for all attempts
	JobRunAttempt = attribute.Key("job.run.attempt")        // number of the attempt, from 1
	JobTrigger    = attribute.Key("job.trigger")            // (m) schedule, catchup, recovery, manual
	JobRunDue     = attribute.Key("job.run.scheduled_time") // due time, RFC 3339
	JobRunDelay   = attribute.Key("job.run.delay")          // seconds from the due time to the start
	JobSchedule   = attribute.Key("job.schedule")           // schedule as text
	JobRunResult  = attribute.Key("job.run.result")         // (m) success, failure, timeout, cancellation, skip, lost
	JobSkipReason = attribute.Key("job.skip.reason")        // (m) missed, overlap
	JobSkipCount  = attribute.Key("job.skip.count")         // occurrences that one skip stands for
	JobSynthetic  = attribute.Key("job.run.synthetic")      // true on a span written on behalf of a process that died
	JobInstance   = attribute.Key("job.run.instance")       // instance of the attempt, where it is not the span's own
	Group         = attribute.Key("scheduler.group")        // (m) election group
	Token         = attribute.Key("scheduler.term.token")   // fencing token of the term
	TermReason    = attribute.Key("scheduler.term.reason")  // (m) acquired, resigned, lost
	ClaimResult   = attribute.Key("scheduler.claim.result") // (m) won, claimed, fenced, error
	LinkType      = attribute.Key("link.type")              // of a link: leader_term, resumes
	ErrorType     = attribute.Key("error.type")             // what kind of error ended the run
)

// Values of LinkType.
const (
	LinkLeaderTerm = "leader_term" // to the span with which the term began
	LinkResumes    = "resumes"     // to the attempt that was cut off
)
