package e2e

import (
	"context"
	"testing"
)

// deadline is a context that ends when a wait has taken too long, or with the test.
func deadline(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), limit)
}
