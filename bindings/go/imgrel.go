//go:build cgo

package imgrel

/*
#cgo !imgrel_static pkg-config: libimgrel
#cgo imgrel_static pkg-config: --static libimgrel
#include <stdint.h>
#include <stdlib.h>
#include <imgrel/imgrel.h>

int imgrelGoProgress(void *user, imgrel_event *event);
void imgrelGoLog(void *user, imgrel_log_record *record);
static void imgrel_go_opts(imgrel_opts *o, uintptr_t user)
{
	o->size = sizeof *o;
	o->user = (void *)user;
	if (user)
		o->progress = (imgrel_progress_fn *)imgrelGoProgress;
}
static void imgrel_go_log(imgrel_client *c, uintptr_t user)
{
	imgrel_client_log(c, user ? (imgrel_log_fn *)imgrelGoLog : NULL, (void *)user);
}
*/
import "C"

import (
	"context"
	"encoding/json"
	"runtime"
	"runtime/cgo"
	"sync"
	"time"
	"unsafe"
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

// running is a call, or what it opened: its token, its options in C memory, and who watches the context.
type running struct {
	token      *C.imgrel_cancel
	opts       *C.imgrel_opts
	user       cgo.Handle
	ctx        context.Context
	end, ended chan struct{}
	progress   func(Event) error
	failed     error // the callback's
	panicked   any
	threw      bool
	strings    cstrings
}

func begin(ctx context.Context, o *Options) (*running, error) {
	r, e := &running{ctx: ctx}, C.imgrel_error{}
	if rc := C.imgrel_cancel_new(&r.token, &e); rc < 0 {
		return nil, fromC(rc, &e, nil)
	}
	r.opts = (*C.imgrel_opts)(C.calloc(1, C.sizeof_imgrel_opts))
	if o != nil && o.Progress != nil {
		r.progress, r.user = o.Progress, cgo.NewHandle(r)
	}
	C.imgrel_go_opts(r.opts, C.uintptr_t(r.user))
	r.opts.cancel = r.token
	if o != nil {
		r.opts.platform, r.opts.jobs = r.strings.orNil(o.Platform), C.uint32_t(o.Jobs)
		for _, f := range []struct {
			set  bool
			flag C.uint32_t
		}{{o.Force, C.IMGREL_FLAG_FORCE}, {o.DryRun, C.IMGREL_FLAG_DRY_RUN}, {o.Fast, C.IMGREL_FLAG_FAST}} {
			if f.set {
				r.opts.flags |= f.flag
			}
		}
	}
	if ctx.Done() != nil {
		r.end, r.ended = make(chan struct{}), make(chan struct{})
		go r.watch()
	}
	return r, nil
}

func (r *running) watch() {
	defer close(r.ended)
	select {
	case <-r.ctx.Done():
		C.imgrel_cancel_fire(r.token)
	case <-r.end:
	}
}

// result is the error of a call that returned rc, after a callback's panic went on.
func (r *running) result(rc C.int, e *C.imgrel_error) error {
	if r.threw {
		panic(r.panicked)
	}
	cause := r.failed
	if cause == nil && rc == C.IMGREL_ECANCELED {
		cause = r.ctx.Err()
	}
	return fromC(rc, e, cause)
}

// finish frees what the call had; the token outlives who watches.
func (r *running) finish() {
	if r.end != nil {
		close(r.end)
		<-r.ended
	}
	if r.user != 0 {
		r.user.Delete()
	}
	r.strings.free()
	C.free(unsafe.Pointer(r.opts))
	C.imgrel_cancel_free(r.token)
}

//export imgrelGoProgress
func imgrelGoProgress(user unsafe.Pointer, e *C.imgrel_event) (stop C.int) {
	r := cgo.Handle(uintptr(user)).Value().(*running)
	defer func() {
		if p := recover(); p != nil {
			r.panicked, r.threw, stop = p, true, 1
		}
	}()
	r.failed = r.progress(Event{Kind: uint32(e.kind), Attempt: uint32(e.attempt), What: C.GoString(e.what),
		Detail: C.GoString(e.detail), Done: uint64(e.done), Total: uint64(e.total), Rate: uint64(e.rate)})
	if r.failed != nil {
		return 1
	}
	return 0
}

//export imgrelGoLog
func imgrelGoLog(user unsafe.Pointer, rec *C.imgrel_log_record) {
	defer func() { _ = recover() }() // it may be another thread: nobody there could go on with it
	fn := cgo.Handle(uintptr(user)).Value().(func(LogRecord))
	fn(LogRecord{Level: int(rec.level), Component: C.GoString(rec.component), Message: C.GoString(rec.message),
		Fields: json.RawMessage(C.GoString(rec.fields))})
}

// cstrings are C copies of Go strings for one call, wiped with it.
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
		for i := uintptr(0); ; i++ {
			b := (*byte)(unsafe.Pointer(uintptr(unsafe.Pointer(p)) + i))
			if *b == 0 {
				break
			}
			*b = 0
		}
		C.free(unsafe.Pointer(p))
	}
}

func take(p *C.char) string {
	if p == nil {
		return ""
	}
	defer C.imgrel_free(unsafe.Pointer(p))
	return C.GoString(p)
}

func takeBytes(p *C.char, n C.size_t) []byte {
	defer C.imgrel_free(unsafe.Pointer(p))
	return C.GoBytes(unsafe.Pointer(p), C.int(n))
}

func bytesOf(b []byte) *C.char {
	if len(b) == 0 {
		return nil
	}
	return (*C.char)(unsafe.Pointer(&b[0]))
}

// handle is something of the library's that must be closed. Close ends what still runs on it, waits
// for that, and closes first what came from it.
type handle struct {
	p        unsafe.Pointer
	free     func(unsafe.Pointer)
	parent   *handle
	run      *running // of what a call opened
	serial   sync.Mutex
	many     bool // a client: any number of calls at once
	lock     sync.Mutex
	calls    map[*running]bool
	idle     *sync.Cond
	children map[*handle]bool
	closed   bool
}

func (h *handle) adopt(p unsafe.Pointer, free func(unsafe.Pointer), parent *handle, run *running) {
	h.p, h.free, h.parent, h.run = p, free, parent, run
	h.calls, h.children = map[*running]bool{}, map[*handle]bool{}
	h.idle = sync.NewCond(&h.lock)
	if parent != nil {
		parent.lock.Lock()
		parent.children[h] = true
		parent.lock.Unlock()
	}
}

func (h *handle) enter(r *running) error {
	h.lock.Lock()
	defer h.lock.Unlock()
	if h.closed || h.p == nil {
		return ErrClosed
	}
	h.calls[r] = true
	return nil
}

func (h *handle) leave(r *running) {
	h.lock.Lock()
	delete(h.calls, r)
	h.idle.Broadcast()
	h.lock.Unlock()
}

// Close frees it; twice is fine, and so is Close during a call, which then ends.
func (h *handle) Close() error {
	if h.idle == nil {
		return nil
	}
	h.lock.Lock()
	if h.closed {
		h.lock.Unlock()
		return nil
	}
	h.closed = true
	for r := range h.calls {
		if r.token != nil {
			C.imgrel_cancel_fire(r.token)
		}
	}
	for len(h.calls) > 0 {
		h.idle.Wait()
	}
	children := h.children
	h.children = map[*handle]bool{}
	h.lock.Unlock()
	for c := range children {
		_ = c.Close()
	}
	if h.parent != nil {
		h.parent.lock.Lock()
		delete(h.parent.children, h)
		h.parent.lock.Unlock()
	}
	h.free(h.p)
	if h.run != nil {
		h.run.finish()
	}
	return nil
}

// call runs fn with opts whose token the context's end fires.
func (h *handle) call(ctx context.Context, o *Options, fn func(*cstrings, *C.imgrel_opts, *C.imgrel_error) C.int) error {
	r, err := h.open(ctx, o, fn)
	if r != nil {
		r.finish()
	}
	return err
}

// open is call for what lives on with its token: the caller finishes what it gives.
func (h *handle) open(ctx context.Context, o *Options, fn func(*cstrings, *C.imgrel_opts, *C.imgrel_error) C.int) (*running, error) {
	r, err := begin(ctx, o)
	if err != nil {
		return nil, err
	}
	if !h.many {
		h.serial.Lock()
		defer h.serial.Unlock()
	}
	if err := h.enter(r); err != nil {
		return r, err
	}
	defer h.leave(r)
	var s cstrings
	defer s.free()
	var e C.imgrel_error
	rc := fn(&s, r.opts, &e)
	runtime.KeepAlive(h)
	return r, r.result(rc, &e)
}

// quick is a call that does not block.
func (h *handle) quick(fn func(*cstrings, *C.imgrel_error) C.int) error {
	r := &running{ctx: context.Background()}
	if err := h.enter(r); err != nil {
		return err
	}
	defer h.leave(r)
	return quick(fn)
}

func quick(fn func(*cstrings, *C.imgrel_error) C.int) error {
	var s cstrings
	defer s.free()
	var e C.imgrel_error
	rc := fn(&s, &e)
	return fromC(rc, &e, nil)
}

// Version of the library that is loaded.
func Version() string { return C.GoString(C.imgrel_version()) }

// Client may be used by any number of goroutines.
type Client struct {
	handle
	log cgo.Handle
}

// New makes a client from keys of the configuration table (imgrel-config(5)).
func New(config map[string]string) (*Client, error) { return NewWithLog(config, nil) }

// NewWithLog is New with a callback for the log; it may be called on any thread.
func NewWithLog(config map[string]string, log func(LogRecord)) (*Client, error) {
	var e C.imgrel_error
	var p *C.imgrel_client
	if rc := C.imgrel_client_new(&p, &e); rc < 0 {
		return nil, fromC(rc, &e, nil)
	}
	c := &Client{}
	c.many = true
	if log != nil {
		c.log = cgo.NewHandle(log)
		C.imgrel_go_log(p, C.uintptr_t(c.log))
	}
	c.adopt(unsafe.Pointer(p), func(p unsafe.Pointer) {
		C.imgrel_client_free((*C.imgrel_client)(p))
		if c.log != 0 {
			c.log.Delete()
		}
	}, nil, nil)
	for k, v := range config {
		err := quick(func(s *cstrings, e *C.imgrel_error) C.int {
			return C.imgrel_client_set(p, s.add(k), s.add(v), e)
		})
		if err != nil {
			_ = c.Close()
			return nil, err
		}
	}
	return c, nil
}

// Items is a list that is fetched page by page: for it.Next() { it.Item() }; it.Err().
type Items struct {
	handle
	item string
	err  error
}

// Next goes to the next item; false at the end or after a failure, which Err tells.
func (it *Items) Next() bool {
	if it.err != nil || it.p == nil {
		return false
	}
	r := it.run
	if it.err = it.enter(r); it.err != nil {
		return false
	}
	defer it.leave(r)
	var item *C.char
	var e C.imgrel_error
	rc := C.imgrel_iter_next((*C.imgrel_iter)(it.p), &item, &e)
	if rc == 1 {
		it.item = C.GoString(item)
		return true
	}
	it.err = r.result(rc, &e)
	return false
}

// Item is the current item: a name, or a JSON document.
func (it *Items) Item() string { return it.item }

// Decode unmarshals the current item.
func (it *Items) Decode(v any) error { return json.Unmarshal([]byte(it.item), v) }

// Err is what ended the list, nil if it was read to its end.
func (it *Items) Err() error { return it.err }

// Strings reads the rest and closes it.
func (it *Items) Strings() ([]string, error) {
	defer it.Close()
	var all []string
	for it.Next() {
		all = append(all, it.Item())
	}
	return all, it.Err()
}
