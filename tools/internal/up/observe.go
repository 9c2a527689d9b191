package up

import (
	"fmt"
	"strings"

	"example.com/baton/tools/internal/console"
	"example.com/baton/tools/internal/fleet"
)

// observe sees every line the replicas write.
func (s *session) observe(r fleet.Record) {
	s.cfg.Report(console.Event{Time: r.Seen, Kind: console.Log, Source: r.Source, Data: r})
	if r.Msg == fleet.RunFinished {
		select {
		case s.finished <- r:
		default: // only some runs are linked to anyway
		}
	}
}

// changed tells what happens to the replicas, apart from what everybody expects.
func (s *session) changed(c fleet.Change) {
	switch c.Kind {
	case fleet.Exited:
		text := "ended unexpectedly: " + c.Exit.String()
		if c.Restart > 0 {
			text += fmt.Sprintf("; restarted in %s", c.Restart.Round(100_000_000))
		}
		s.warn(c.Replica.Instance, text)
	case fleet.Failed:
		s.warn(c.Replica.Instance, fmt.Sprintf("%v\nnext try in %s", c.Err, c.Restart.Round(100_000_000)))
	case fleet.Stopped:
		switch {
		case c.Forced:
			s.warn(c.Replica.Instance, "did not stop and was killed")
		case !c.Exit.OK():
			s.warn(c.Replica.Instance, "stopped: "+c.Exit.String())
		default:
			s.note(c.Replica.Instance, "stopped")
		}
	}
}

func (s *session) leader(o fleet.Owner) {
	s.cfg.Report(console.Event{
		Kind: console.Leader, Source: o.Instance, Data: o,
		Text: fmt.Sprintf("leads %s of %s, token %d", o.Group, o.Service, o.Token),
	})
}

// etcdLog passes on what is worth a look. Slow requests are not: the machine is busy compiling.
func (s *session) etcdLog(level, msg string) {
	if level != "WARN" {
		s.warn("etcd", msg)
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// ready is the start screen for scripts.
type ready struct {
	Etcd     []string       `json:"etcd"`
	Traces   string         `json:"traces,omitempty"`
	Data     string         `json:"data"`
	Replicas []readyReplica `json:"replicas"`
}

type readyReplica struct {
	Service  string   `json:"service"`
	Instance string   `json:"instance"`
	Address  string   `json:"address"`
	Pid      int      `json:"pid"`
	Leads    []string `json:"leads"`
}

// screen says what runs where and who leads.
func (s *session) screen() console.Event {
	data := ready{Etcd: s.etcd.Endpoints(), Data: s.work.data}
	leads := make(map[string][]string)
	for _, o := range s.owners.All() {
		leads[o.Instance] = append(leads[o.Instance], fmt.Sprintf("%s (token %d)", o.Group, o.Token))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Baton is up: %s of %s\n\n", plural(s.cfg.Replicas, "replica"), s.names())
	line := func(what, text string) { fmt.Fprintf(&b, "  %-10s%s\n", what, text) }
	previous := ""
	for _, r := range s.fleet.Replicas() {
		name := r.Service.Name
		if name == previous {
			name = ""
		}
		previous = r.Service.Name
		text := fmt.Sprintf("%-12s http://%s", r.Instance, r.Address())
		if groups := leads[r.Instance]; len(groups) > 0 {
			text += "   ★ leads " + strings.Join(groups, ", ")
		}
		line(name, text)
		data.Replicas = append(data.Replicas, readyReplica{
			Service: r.Service.Name, Instance: r.Instance, Address: r.Address(), Pid: r.Pid(), Leads: leads[r.Instance],
		})
	}
	line("etcd", strings.Join(data.Etcd, ", "))
	if s.page != nil {
		data.Traces = s.page.URL()
		line("traces", data.Traces+"   "+s.jaeger.describe())
	}
	if s.cfg.Data == "" {
		line("data", data.Data+" (removed at the end)")
	} else {
		line("data", data.Data)
	}
	b.WriteString("\n  Ctrl-C stops everything; twice, at once.\n")
	return console.Event{Kind: console.Ready, Text: b.String(), Data: data}
}
