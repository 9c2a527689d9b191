// Command fake is as much of a service as the fleet needs to be tested: it understands the
// environment, answers on /livez, keeps an owner record in etcd and logs terms and runs. It speaks
// etcd's JSON gateway, so that it needs nothing but the standard library and builds in a moment.
//
// FAKE_MODE makes it misbehave: "crash" ends before it listens, "deaf" ignores SIGTERM.
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var (
	instance = os.Getenv("FAKE_INSTANCE__ID")
	etcd     = "http://" + strings.Split(os.Getenv("FAKE_ETCD__ENDPOINTS"), ",")[0]
	ownerKey = encode("/baton/fake/owners/default")
)

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func main() {
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, nil)).With("instance", instance))
	if os.Getenv("FAKE_MODE") == "crash" {
		fmt.Println("configuration: something is wrong")
		os.Exit(2)
	}
	l, err := net.Listen("tcp", os.Getenv("FAKE_HTTP__ADDRESS"))
	if err != nil {
		slog.Error("listen", "error", err)
		os.Exit(1)
	}
	http.HandleFunc("/livez", func(http.ResponseWriter, *http.Request) {})
	go func() { _ = http.Serve(l, nil) }()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if os.Getenv("FAKE_MODE") == "deaf" {
		ctx = context.Background()
		signal.Ignore(syscall.SIGTERM)
	}
	slog.Info("started", "args", strings.Join(os.Args[1:], " "), "data", os.Getenv("FAKE_DATA__DIR"),
		"otlp", os.Getenv("FAKE_TELEMETRY__OTLP__ENDPOINT"))
	work(ctx)
}

// work campaigns, leads and runs a job ten times a second.
func work(ctx context.Context) {
	lease := call("lease/grant", map[string]any{"TTL": 2})["ID"]
	token, due := "", 0
	tick := time.NewTicker(100 * time.Millisecond)
	for {
		select {
		case <-ctx.Done():
			if token != "" {
				slog.Info("term ended", "group", "default", "token", token, "reason", "resigned")
			}
			call("lease/revoke", map[string]any{"ID": lease})
			return
		case <-tick.C:
		}
		call("lease/keepalive", map[string]any{"ID": lease})
		if token == "" {
			token = campaign(lease)
			continue
		}
		due++
		run := slog.With("group", "default", "token", token, "job", "tick", "run_id", token+"-"+strconv.Itoa(due), "attempt", 1)
		run.Info("run started")
		run.Info("run finished", "result", "success", "duration", "1ms")
	}
}

func campaign(lease any) string {
	value, _ := json.Marshal(map[string]any{"v": 1, "instance": instance})
	answer := call("kv/txn", map[string]any{
		"compare": []any{map[string]any{"key": ownerKey, "target": "CREATE", "create_revision": 0}},
		"success": []any{map[string]any{"request_put": map[string]any{"key": ownerKey, "value": encode(string(value)), "lease": lease}}},
	})
	if answer["succeeded"] != true {
		return ""
	}
	token := answer["header"].(map[string]any)["revision"].(string)
	slog.Info("term started", "group", "default", "token", token)
	return token
}

func call(method string, request any) map[string]any {
	body, _ := json.Marshal(request)
	resp, err := http.Post(etcd+"/v3/"+method, "application/json", bytes.NewReader(body))
	if err != nil {
		slog.Error("etcd", "error", err)
		os.Exit(1)
	}
	defer resp.Body.Close()
	var answer map[string]any
	_ = json.NewDecoder(resp.Body).Decode(&answer)
	return answer
}
