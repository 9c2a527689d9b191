package sqlite

import "context"

func runID(ctx context.Context) string { return "" }
