package scheduling

import (
	"context"
	"errors"
	"time"

	"example.com/baton/platform/election"
)

// State is what is known of an occurrence.
type State string

// States. All but running are final.
const (
	StateRunning   State = "running"
	StateSucceeded State = "succeeded"
	StateFailed    State = "failed"
	StateTimedOut  State = "timed_out"
	StateCancelled State = "cancelled"
	StateSkipped   State = "skipped"
	StateLost      State = "lost"
)

// Reasons for which an occurrence is skipped.
const (
	ReasonMissed  = "missed"  // the catch-up policy gave it up
	ReasonOverlap = "overlap" // the run before it had not ended
)

// Record is what the ledger keeps of one occurrence. Its JSON form is on the
// wire, in etcd.
type Record struct {
	V        int       `json:"v"`
	Job      string    `json:"job"`
	Group    string    `json:"group"`
	Due      time.Time `json:"due"`
	State    State     `json:"state"`
	Attempt  int       `json:"attempt,omitempty"`
	Trigger  Trigger   `json:"trigger"`
	Token    int64     `json:"token"`
	Instance string    `json:"instance"`
	Started  time.Time `json:"started,omitzero"`
	Ended    time.Time `json:"ended,omitzero"`
	Error    string    `json:"error,omitempty"`
	Reason   string    `json:"reason,omitempty"` // of a skip
	// From and Count are set where one record stands for a row of skipped
	// occurrences: the first of them, and how many.
	From  time.Time `json:"from,omitzero"`
	Count int       `json:"count,omitempty"`
	// Traceparents of the occurrence, of the latest attempt, and of the attempt
	// before it, if that one was cut off.
	Trace        string `json:"trace,omitempty"`
	AttemptTrace string `json:"attempt_trace,omitempty"`
	ResumesTrace string `json:"resumes_trace,omitempty"`
	Schedule     string `json:"schedule,omitempty"`
}

// RunID returns the id of the occurrence.
func (r Record) RunID() string { return RunID(r.Job, r.Due) }

// JobState is what the ledger keeps of one job.
type JobState struct {
	V        int    `json:"v"`
	Job      string `json:"job"`
	Group    string `json:"group"`
	Schedule string `json:"schedule"`
	Delivery string `json:"delivery"`
	CatchUp  string `json:"catch_up"`
	Overlap  string `json:"overlap"`
	// Watermark is the due time up to which every occurrence has a record; for
	// a job that never ran, when it was first seen.
	Watermark   time.Time `json:"watermark"`
	LastSuccess time.Time `json:"last_success,omitzero"` // due time of the last occurrence that succeeded
	// Running are the due times of the records in state running, oldest first:
	// what a new leader has to look after.
	Running []time.Time `json:"running,omitempty"`
}

// Describe returns the state of a job as it is declared, without history.
func Describe(j Job) JobState {
	return JobState{
		V: 1, Job: j.Name, Group: j.Group, Schedule: j.Schedule.String(),
		Delivery: j.Delivery.String(), CatchUp: j.CatchUp.String(), Overlap: j.Overlap.String(),
	}
}

// ErrClaimed says that an occurrence has a record already.
var ErrClaimed = errors.New("scheduling: occurrence already claimed")

// Ledger records occurrences. Every write names the term under which it is made,
// and is refused with election.ErrLost unless that term's token is the group's
// current one: the check and the write are one transaction.
//
// Any other error leaves it open whether the write happened. Repeating the call
// is safe: a ledger recognises what the same term wrote before.
//
// Calls for one job must not be concurrent; calls for different jobs may be.
type Ledger interface {
	// Open returns what is known of jobs at the beginning of a term: their state,
	// and the records that an earlier term left running. A job that is not known
	// yet, or is declared differently, is written; a new one gets watermark now.
	Open(ctx context.Context, term election.Term, jobs []JobState, now time.Time) (map[string]Opened, error)
	// Claim writes a new record in state running or skipped, together with the
	// job's state, or returns ErrClaimed if the occurrence has one from another
	// term. It returns the record as written.
	Claim(ctx context.Context, term election.Term, job JobState, rec Record) (Record, error)
	// Retake replaces a record that an earlier term left running: by itself in
	// state lost, or by its next attempt. It returns the record as written.
	Retake(ctx context.Context, term election.Term, lost, next Record) (Record, error)
	// Finish replaces a running record of this term by its outcome, together
	// with the job's state.
	Finish(ctx context.Context, term election.Term, job JobState, rec Record) error
	// Prune removes the oldest final records of a job beyond the newest keep.
	Prune(ctx context.Context, term election.Term, job string, keep int) error
	// History returns up to limit records of a job, newest first.
	History(ctx context.Context, job string, limit int) ([]Record, error)
}

// Opened is what Ledger.Open knows of one job.
type Opened struct {
	State      JobState
	Unfinished []Record // oldest first
}
