// Package imgrel releases container images: from a build to a running pod. It stands on libimgrel,
// found by pkg-config (build tag imgrel_static links libimgrel.a). Every call takes a context and
// ends within milliseconds of its end; errors are *Error and answer to errors.Is with the Err values.
package imgrel

/*
#cgo !imgrel_static pkg-config: libimgrel
#cgo imgrel_static pkg-config: --static libimgrel
#include <stdlib.h>
#include <imgrel/imgrel.h>
*/
import "C"

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
	"unsafe"
)

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
	cause      error // the context's, when that ended the call
}

func (e *Error) Error() string {
	if e.Cure == "" {
		return e.Message
	}
	return e.Message + " (" + e.Cure + ")"
}

// Unwrap gives the context's error when the context ended the call.
func (e *Error) Unwrap() error { return e.cause }

// Is says whether target is a sentinel of the same code.
func (e *Error) Is(target error) bool {
	s, ok := target.(sentinel)
	return ok && int(s) == e.Code
}

type sentinel int

func (s sentinel) Error() string { return C.GoString(C.imgrel_strerror(C.int(s))) }

// What errors.Is tells apart.
var (
	ErrInvalid     error = sentinel(C.IMGREL_EINVAL)
	ErrNotFound    error = sentinel(C.IMGREL_ENOTFOUND)
	ErrAuth        error = sentinel(C.IMGREL_EAUTH)
	ErrDenied      error = sentinel(C.IMGREL_EDENIED)
	ErrConflict    error = sentinel(C.IMGREL_ECONFLICT)
	ErrDigest      error = sentinel(C.IMGREL_EDIGEST)
	ErrUnreachable error = sentinel(C.IMGREL_ENET)
	ErrTimeout     error = sentinel(C.IMGREL_ETIMEOUT)
	ErrCanceled    error = sentinel(C.IMGREL_ECANCELED)
	ErrFailed      error = sentinel(C.IMGREL_EFAILED)
)

func fromC(rc C.int, e *C.imgrel_error, cause error) error {
	if rc >= 0 {
		return nil
	}
	return &Error{
		Code: int(rc), Name: C.GoString(C.imgrel_code_name(rc)),
		Message: C.GoString(&e.message[0]), Cure: C.GoString(&e.cure[0]),
		HTTPStatus: int(e.http_status), Reason: C.GoString(&e.reason[0]),
		RequestID: C.GoString(&e.request_id[0]), Retryable: e.retryable != 0,
		RetryAfter: time.Duration(e.retry_after_ms) * time.Millisecond, cause: cause,
	}
}

// Options say how a call runs.
type Options struct {
	Platform string // "linux/amd64,linux/arm64"; "": all
	Jobs     int
	Force    bool
	DryRun   bool
}

// call runs fn with opts whose token the context's end fires; both live in C memory.
func call(ctx context.Context, o *Options, fn func(*C.imgrel_opts, *C.imgrel_error) C.int) error {
	var token *C.imgrel_cancel
	var e C.imgrel_error
	if rc := C.imgrel_cancel_new(&token, &e); rc < 0 {
		return fromC(rc, &e, nil)
	}
	defer C.imgrel_cancel_free(token)
	opts := (*C.imgrel_opts)(C.calloc(1, C.sizeof_imgrel_opts))
	defer C.free(unsafe.Pointer(opts))
	opts.size = C.sizeof_imgrel_opts
	opts.cancel = token
	if o != nil {
		if o.Platform != "" {
			p := C.CString(o.Platform)
			defer C.free(unsafe.Pointer(p))
			opts.platform = p
		}
		opts.jobs = C.uint32_t(o.Jobs)
		if o.Force {
			opts.flags |= C.IMGREL_FLAG_FORCE
		}
		if o.DryRun {
			opts.flags |= C.IMGREL_FLAG_DRY_RUN
		}
	}
	if ctx.Done() == nil {
		return fromC(fn(opts, &e), &e, nil)
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-ctx.Done():
			C.imgrel_cancel_fire(token)
		case <-end:
		}
	}()
	rc := fn(opts, &e)
	close(end)
	<-ended // the token must outlive the goroutine
	if rc == C.IMGREL_ECANCELED && ctx.Err() != nil {
		return fromC(rc, &e, ctx.Err())
	}
	return fromC(rc, &e, nil)
}

// cstrings are C copies of Go strings for one call.
type cstrings []*C.char

func (c *cstrings) add(s string) *C.char {
	p := C.CString(s)
	*c = append(*c, p)
	return p
}

func (c *cstrings) orNil(s string) *C.char {
	if s == "" {
		return nil
	}
	return c.add(s)
}

func (c cstrings) free() {
	for _, p := range c {
		C.free(unsafe.Pointer(p))
	}
}

func take(p *C.char) string {
	defer C.imgrel_free(unsafe.Pointer(p))
	return C.GoString(p)
}

// Version of the library that is loaded.
func Version() string { return C.GoString(C.imgrel_version()) }

// Client may be used by any number of goroutines.
type Client struct{ p *C.imgrel_client }

// New makes a client from keys of imgrel-config(5).
func New(config map[string]string) (*Client, error) {
	var e C.imgrel_error
	c := &Client{}
	if rc := C.imgrel_client_new(&c.p, &e); rc < 0 {
		return nil, fromC(rc, &e, nil)
	}
	for k, v := range config {
		var s cstrings
		rc := C.imgrel_client_set(c.p, s.add(k), s.add(v), &e)
		s.free()
		if rc < 0 {
			c.Close()
			return nil, fromC(rc, &e, nil)
		}
	}
	return c, nil
}

// Close frees the client; twice is fine.
func (c *Client) Close() {
	C.imgrel_client_free(c.p)
	c.p = nil
}

// Copy copies an image between any two places and gives the destination's digest.
func (c *Client) Copy(ctx context.Context, from, to string, o *Options) (string, error) {
	return c.text(ctx, o, func(s *cstrings, opts *C.imgrel_opts, out **C.char, e *C.imgrel_error) C.int {
		return C.imgrel_copy(c.p, s.add(from), s.add(to), opts, out, e)
	})
}

// Digest resolves a reference.
func (c *Client) Digest(ctx context.Context, ref string, o *Options) (string, error) {
	return c.text(ctx, o, func(s *cstrings, opts *C.imgrel_opts, out **C.char, e *C.imgrel_error) C.int {
		return C.imgrel_digest(c.p, s.add(ref), opts, out, e)
	})
}

// Tags lists a repository's tags.
func (c *Client) Tags(ctx context.Context, repository string) ([]string, error) {
	var tags []string
	err := call(ctx, nil, func(opts *C.imgrel_opts, e *C.imgrel_error) C.int {
		var s cstrings
		defer s.free()
		var it *C.imgrel_iter
		if rc := C.imgrel_tags(c.p, s.add(repository), opts, &it, e); rc < 0 {
			return rc
		}
		defer C.imgrel_iter_free(it)
		for {
			var item *C.char
			rc := C.imgrel_iter_next(it, &item, e)
			if rc <= 0 {
				return rc
			}
			tags = append(tags, C.GoString(item))
		}
	})
	return tags, err
}

func (c *Client) text(ctx context.Context, o *Options,
	fn func(*cstrings, *C.imgrel_opts, **C.char, *C.imgrel_error) C.int) (string, error) {
	var result string
	err := call(ctx, o, func(opts *C.imgrel_opts, e *C.imgrel_error) C.int {
		var s cstrings
		defer s.free()
		var out *C.char
		rc := fn(&s, opts, &out, e)
		if out != nil {
			result = take(out)
		}
		return rc
	})
	return result, err
}

// Step is a row of a release's report.
type Step struct {
	Step, Target, State, Detail, Digest string
	MS                                  int64
}

// Report is what a release's verb did.
type Report struct {
	App, Version, Result, Digest, URL string
	Steps                             []Step
}

// Release is a release file; one goroutine at a time.
type Release struct {
	c *Client
	p *C.imgrel_release
}

// Release reads a release file; settings are those of imgrel_release_set.
func (c *Client) Release(path string, settings map[string]string) (*Release, error) {
	var e C.imgrel_error
	var s cstrings
	defer s.free()
	r := &Release{c: c}
	if rc := C.imgrel_release_load(c.p, s.add(path), &r.p, &e); rc < 0 {
		return nil, fromC(rc, &e, nil)
	}
	for k, v := range settings {
		if rc := C.imgrel_release_set(r.p, s.add(k), s.add(v), &e); rc < 0 {
			r.Close()
			return nil, fromC(rc, &e, nil)
		}
	}
	return r, nil
}

// Close frees the release and wipes what is secret in it; twice is fine.
func (r *Release) Close() {
	C.imgrel_release_free(r.p)
	r.p = nil
}

func (r *Release) verb(ctx context.Context, o *Options,
	fn func(*C.imgrel_opts, **C.char, *C.imgrel_error) C.int) (*Report, error) {
	doc, err := r.c.text(ctx, o, func(_ *cstrings, opts *C.imgrel_opts, out **C.char, e *C.imgrel_error) C.int {
		return fn(opts, out, e)
	})
	if doc == "" {
		return nil, err
	}
	report := &Report{}
	if bad := json.Unmarshal([]byte(doc), report); bad != nil && err == nil {
		return nil, fmt.Errorf("report: %w", bad)
	}
	return report, err
}

// Plan says what Apply would change.
func (r *Release) Plan(ctx context.Context, o *Options) (*Report, error) {
	return r.verb(ctx, o, func(opts *C.imgrel_opts, out **C.char, e *C.imgrel_error) C.int {
		return C.imgrel_release_plan(r.p, opts, out, e)
	})
}

// Apply makes it so.
func (r *Release) Apply(ctx context.Context, o *Options) (*Report, error) {
	return r.verb(ctx, o, func(opts *C.imgrel_opts, out **C.char, e *C.imgrel_error) C.int {
		return C.imgrel_release_apply(r.p, opts, out, e)
	})
}

// Verify proves it.
func (r *Release) Verify(ctx context.Context, o *Options) (*Report, error) {
	return r.verb(ctx, o, func(opts *C.imgrel_opts, out **C.char, e *C.imgrel_error) C.int {
		return C.imgrel_release_verify(r.p, opts, out, e)
	})
}

// Delete removes what Apply created.
func (r *Release) Delete(ctx context.Context, o *Options) (*Report, error) {
	return r.verb(ctx, o, func(opts *C.imgrel_opts, out **C.char, e *C.imgrel_error) C.int {
		return C.imgrel_release_delete(r.p, opts, out, e)
	})
}
