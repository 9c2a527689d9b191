package etcdelection

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"
)

// memberRecord is what a process says about itself.
type memberRecord struct {
	V int `json:"v"`
	// Incarnation is new for every session: a record with another one belongs to
	// a session that is over, even if the process and its name are the same.
	Incarnation string    `json:"incarnation"`
	Host        string    `json:"host,omitempty"`
	Address     string    `json:"address,omitempty"`
	Version     string    `json:"version,omitempty"`
	Since       time.Time `json:"since"`
	// Observer is true for a member that never leads.
	Observer bool `json:"observer,omitempty"`
	// PulseTimeout, in milliseconds, is how long the record of an owner may stay
	// unchanged before the owner is replaced. Zero: its lease decides.
	PulseTimeout int64 `json:"pulse_timeout_ms,omitempty"`
	// Lifeline is left out by a process that wants its death to be awaited from
	// its lease.
	Lifeline *lifelineRecord `json:"lifeline,omitempty"`
}

// ownerRecord is what a group's record says about its leader.
type ownerRecord struct {
	V           int    `json:"v"`
	Instance    string `json:"instance"`
	Incarnation string `json:"incarnation"`
}

func encode(record any) string {
	b, err := json.Marshal(record)
	if err != nil {
		// The records hold strings and times only; there is nothing to handle.
		panic(fmt.Sprintf("etcdelection: encode %T: %v", record, err))
	}
	return string(b)
}

func newIncarnation() string { return rand.Text() }
