package gocronelector_test

import (
	"sync"
	"testing"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/stretchr/testify/require"

	elector "example.com/baton/platform/election/gocronelector"
	"example.com/baton/platform/etcdtest"
)

// replica is one process of the program in Example, with a faster job.
type replica struct {
	el   *elector.Elector
	sh   gocron.Scheduler
	stop func() // as a program does it, see ExampleElector_Stop
}

func startReplica(t *testing.T, server *etcdtest.Server, job func(*elector.Elector)) *replica {
	t.Helper()
	el, err := elector.NewElectorWithClient(t.Context(), server.Client(t), elector.WithTTL(10))
	require.NoError(t, err)
	stopElector := start(t, el)
	sh, err := gocron.NewScheduler(gocron.WithDistributedElector(el))
	require.NoError(t, err)
	_, err = sh.NewJob(gocron.DurationJob(20*time.Millisecond), gocron.NewTask(job, el))
	require.NoError(t, err)
	sh.Start()
	stop := sync.OnceFunc(func() {
		if err := sh.Shutdown(); err != nil {
			t.Error(err)
		}
		stopElector()
	})
	t.Cleanup(stop)
	return &replica{el, sh, stop}
}

// gocron asks this elector, and so one replica at a time runs the job, through a
// whole rolling restart.
func TestGocronRunsJobsOnTheLeaderAlone(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	var (
		mu     sync.Mutex
		active string
		order  []string
	)
	job := func(el *elector.Elector) {
		mu.Lock()
		defer mu.Unlock()
		if active != el.GetID() {
			active = el.GetID()
			order = append(order, active)
		}
	}
	running := func(el *elector.Elector) {
		t.Helper()
		require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return active == el.GetID() }, patience, time.Millisecond)
	}
	replicas := []*replica{startReplica(t, server, job)}
	running(replicas[0].el)
	want := []string{replicas[0].el.GetID()}
	for range 3 {
		next := startReplica(t, server, job)
		follows(t, next.el, replicas[len(replicas)-1].el.GetID())
		replicas[len(replicas)-1].stop()
		running(next.el)
		replicas = append(replicas, next)
		want = append(want, next.el.GetID())
	}
	replicas[len(replicas)-1].stop()
	require.Equal(t, want, order, "each led once, and none after it had stopped")
}
