package memledger_test

import (
	"sync"
	"testing"

	"example.com/baton/platform/election"
	"example.com/baton/platform/scheduling/memledger"
	"example.com/baton/platform/scheduling/schedulingtest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	schedulingtest.RunLedger(t, func(*testing.T) schedulingtest.Ledger {
		var mu sync.Mutex
		tokens := map[string]int64{}
		fence := func(group string) (int64, bool) {
			mu.Lock()
			defer mu.Unlock()
			return tokens[group], tokens[group] != 0
		}
		return schedulingtest.Ledger{
			Ledger: memledger.New(fence),
			Begin: func(_ *testing.T, group, instance string) election.Term {
				mu.Lock()
				defer mu.Unlock()
				tokens[group]++
				return election.Term{Group: group, Leader: instance, Token: tokens[group]}
			},
		}
	})
}
