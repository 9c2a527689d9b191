package gocronelector_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/go-co-op/gocron/v2"
	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/platform/election"
	elector "example.com/baton/platform/election/gocronelector"
)

// A whole program. Only its import of the elector differs from one that uses
// gocron-etcd-elector.
func Example() {
	cfg := elector.Config{
		Endpoints:   []string{"127.0.0.1:2379"},
		DialTimeout: 3 * time.Second,
	}
	el, err := elector.NewElector(context.Background(), cfg, elector.WithTTL(10))
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		if err := el.Start("/gocron/elector"); err != nil {
			log.Print(err)
		}
	}()

	sh, err := gocron.NewScheduler(gocron.WithDistributedElector(el))
	if err != nil {
		log.Fatal(err)
	}
	_, err = sh.NewJob(gocron.DurationJob(5*time.Second), gocron.NewTask(func() {
		fmt.Println("the leader is", el.GetLeaderID())
	}))
	if err != nil {
		log.Fatal(err)
	}
	sh.Start()
}

// The scheduler first: the lead is given up when no job runs any more.
func ExampleElector_Stop() {
	var (
		sh gocron.Scheduler
		el *elector.Elector
	)
	stop := func() error {
		if err := sh.Shutdown(); err != nil {
			log.Print(err)
		}
		return el.Stop()
	}
	_ = stop
}

// A client that was handed in stays open, and is closed by whoever made it.
func ExampleNewElectorWithClient() {
	client, err := clientv3.New(clientv3.Config{
		Endpoints:            []string{"127.0.0.1:2379"},
		DialKeepAliveTime:    10 * time.Second,
		DialKeepAliveTimeout: 3 * time.Second,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	el, err := elector.NewElectorWithClient(context.Background(), client, elector.WithTTL(10))
	if err != nil {
		log.Print(err)
		return
	}
	defer el.Stop()
}

// A job that takes its context from the tenure ends when the lead is lost.
func ExampleElector_Tenure() {
	var (
		el   *elector.Elector
		work func(context.Context) error
	)
	task := gocron.NewTask(func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(el.Tenure(), cancel)()
		return work(ctx)
	})
	_ = task
}

// The token grows with every term: whoever receives it can refuse an older one.
func ExampleElector_Term() {
	var (
		el  *elector.Elector
		req *http.Request
	)
	send := func() error {
		term, ok := el.Term()
		if !ok {
			return election.ErrLost
		}
		req.Header.Set("Fencing-Token", fmt.Sprint(term.Token))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	_ = send
}
