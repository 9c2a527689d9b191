package httpserver_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"example.com/baton/platform/httpserver"
)

func ExampleServer() {
	cfg := httpserver.DefaultConfig()
	cfg.Address = "127.0.0.1:0"
	server := httpserver.New(cfg, httpserver.Instruments{
		Traces: tracenoop.NewTracerProvider(), Metrics: metricnoop.NewMeterProvider(), Propagator: propagation.TraceContext{},
	}, slog.New(slog.DiscardHandler))
	err := server.Handle(httpserver.Route{
		Pattern: "GET /hello/{name}",
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "hello %s", r.PathValue("name")) }),
	})
	if err != nil {
		fmt.Println(err)
	}

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if err := server.Listen(ctx); err != nil {
		fmt.Println(err)
	}
	served := make(chan error)
	go func() { served <- server.Serve(ctx) }()

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + server.Addr().String() + "/hello/world")
	if err != nil {
		fmt.Println(err)
		return
	}
	body, _ := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	fmt.Println(string(body))

	stop()
	fmt.Println(<-served)
	// Output:
	// hello world
	// <nil>
}
