//go:build !cgo

package imgreltest

import (
	"testing"

	"libimgrel.org/go/imgrel"
)

// Mock needs cgo.
func Mock(t testing.TB, config map[string]any) *Site {
	t.Helper()
	t.Skip(imgrel.ErrNoCgo)
	return nil
}
