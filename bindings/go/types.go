// Package imgrel releases container images: from a build to a running pod. It stands on libimgrel,
// found by pkg-config (build tag imgrel_static links libimgrel.a). Every call that may block takes a
// context and ends within milliseconds of its end; errors are *Error and answer to errors.Is with the
// Err values. Methods are the C functions of the same names; their manual pages say the rest.
package imgrel

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrNoCgo is what every call gives in a program built with CGO_ENABLED=0.
var ErrNoCgo = errors.New("imgrel: this program was built without cgo; libimgrel needs CGO_ENABLED=1 and libimgrel-dev")

// ErrClosed is what a call on something closed gives.
var ErrClosed = errors.New("imgrel: used after Close")

// Error is what went wrong: what failed, on what, why, and what to do.
type Error struct {
	Code       int    // a negative IMGREL_E* code
	Name       string // its name, "IMGREL_ENOTFOUND"
	Message    string
	Cure       string
	HTTPStatus int
	Reason     string // the server's own code, "MANIFEST_UNKNOWN"
	RequestID  string
	Retryable  bool
	RetryAfter time.Duration
	cause      error // the context's or the callback's, when that ended the call
}

func (e *Error) Error() string {
	if e.Cure == "" {
		return e.Message
	}
	return e.Message + " (" + e.Cure + ")"
}

// Unwrap gives the context's error, or the progress callback's, when that ended the call.
func (e *Error) Unwrap() error { return e.cause }

// Timeout says whether the deadline passed.
func (e *Error) Timeout() bool { return errors.Is(e, ErrTimeout) }

// Is says whether target is the sentinel of the same code.
func (e *Error) Is(target error) bool {
	s, ok := target.(sentinel)
	return ok && s.code == e.Code
}

type sentinel struct {
	code int
	text string
}

func (s sentinel) Error() string { return s.text }

// Options say how a call runs, never what it makes; nil is fine.
type Options struct {
	Platform string // "linux/amd64,linux/arm64"; "": all
	Jobs     int    // parallel transfers; 0: the client's
	Force    bool
	DryRun   bool
	Fast     bool
	// Progress is told now and then; its error ends the call and comes out of it.
	Progress func(Event) error
}

// Event is one progress report.
type Event struct {
	Kind, Attempt     uint32
	What, Detail      string
	Done, Total, Rate uint64
}

// LogRecord is one record of the log, free of secrets; Fields is a JSON object.
type LogRecord struct {
	Level              int // 1 error, 2 warning, 3 information, 4 debug
	Component, Message string
	Fields             json.RawMessage
}

// Secret does not show when it is printed; Reveal gives it.
type Secret string

// Reveal gives what is hidden.
func (s Secret) Reveal() string { return string(s) }

// Format shows nothing, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("***")) }

// MarshalJSON shows nothing.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"***"`), nil }

// Step is a row of a release's report.
type Step struct {
	Step, Target, State, Detail, Digest, Cure string
	MS                                        int64
}

// Report is what a release's verb did; Raw is the document itself.
type Report struct {
	App, Version, Result, Digest, URL string
	Steps                             []Step
	Raw                               json.RawMessage `json:"-"`
}

func reportOf(doc json.RawMessage) *Report {
	r := &Report{Raw: doc}
	if len(doc) == 0 || json.Unmarshal(doc, r) != nil {
		return nil
	}
	return r
}

// jsonText is a document as text: strings and raw JSON as they are, the rest marshalled; nil is "".
func jsonText(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case []byte:
		return string(v), nil
	case json.RawMessage:
		return string(v), nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}
