//go:build go1.23 && cgo

package imgrel

import "iter"

// All is the list as a range-over-func sequence; a failure is its last element.
func (it *Items) All() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		defer it.Close()
		for it.Next() {
			if !yield(it.Item(), nil) {
				return
			}
		}
		if it.Err() != nil {
			yield("", it.Err())
		}
	}
}
