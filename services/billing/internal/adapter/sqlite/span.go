package sqlite

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// span starts the span of one operation on one table: a batch, never a row, so that a run of a job has a few. end
// takes the operation's error and what is to be known of its rows.
func (s *Store) span(ctx context.Context, operation, table string) (_ context.Context, end func(error, ...attribute.KeyValue)) {
	ctx, span := s.tracer.Start(ctx, operation+" "+table,
		trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(semconv.DBSystemNameSQLite, semconv.DBOperationName(operation), semconv.DBCollectionName(table)))
	return ctx, func(err error, rows ...attribute.KeyValue) {
		span.SetAttributes(rows...)
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}

func rowsRead(n int) attribute.KeyValue    { return semconv.DBResponseReturnedRows(n) }
func rowsGiven(n int) attribute.KeyValue   { return semconv.DBOperationBatchSize(n) }
func rowsChanged(n int) attribute.KeyValue { return attribute.Int("billing.rows_changed", n) }
func rowsDamaged(n int) attribute.KeyValue { return attribute.Int("billing.rows_damaged", n) }
