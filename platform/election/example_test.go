package election_test

import (
	"context"
	"errors"
	"fmt"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/memelection"
)

// A leader works until its term's context ends, and the cause says how to stop.
func ExampleElector() {
	var elector election.Elector = memelection.NewCluster().Member("billing-1")
	ctx, cancel := context.WithCancel(context.Background())

	err := elector.Lead(ctx, "default", func(term context.Context, t election.Term) {
		fmt.Println(t.Leader, "leads", t.Group, "with token", t.Token)
		cancel() // the process is told to stop
		<-term.Done()
		switch cause := context.Cause(term); {
		case errors.Is(cause, election.ErrResigned):
			fmt.Println("finish what is running: still proven to lead:", election.Tenure(term).Err() == nil)
		case errors.Is(cause, election.ErrLost):
			fmt.Println("stop at once")
		}
	})
	fmt.Println("error:", err)
	// Output:
	// billing-1 leads default with token 1
	// finish what is running: still proven to lead: true
	// error: <nil>
}
