//go:build cgo

package imgrel

/*
#include <imgrel/imgrel.h>
*/
import "C"

import (
	"encoding/json"
	"io"
	"unsafe"
)

// stream is bytes under the token of the call that opened it.
func (h *handle) transfer(b []byte, fn func(p *C.char, n C.size_t, e *C.imgrel_error) C.int64_t) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	h.serial.Lock()
	defer h.serial.Unlock()
	if err := h.enter(h.run); err != nil {
		return 0, err
	}
	defer h.leave(h.run)
	var e C.imgrel_error
	n := fn(bytesOf(b), C.size_t(len(b)), &e)
	if n < 0 {
		return 0, h.run.result(C.int(n), &e)
	}
	return int(n), nil
}

// Blob is read to its verified end, or written and then committed.
type Blob struct{ handle }

// Size in bytes, -1 if the registry did not say.
func (b *Blob) Size() int64 { return int64(C.imgrel_blob_size((*C.imgrel_blob)(b.p))) }

func (b *Blob) Read(p []byte) (int, error) {
	n, err := b.transfer(p, func(q *C.char, n C.size_t, e *C.imgrel_error) C.int64_t {
		return C.imgrel_blob_read((*C.imgrel_blob)(b.p), unsafe.Pointer(q), n, e)
	})
	if n == 0 && err == nil && len(p) > 0 {
		return 0, io.EOF
	}
	return n, err
}

func (b *Blob) Write(p []byte) (int, error) {
	return b.transfer(p, func(q *C.char, n C.size_t, e *C.imgrel_error) C.int64_t {
		return C.imgrel_blob_write((*C.imgrel_blob)(b.p), unsafe.Pointer(q), n, e)
	})
}

// Commit ends an upload and gives its digest.
func (b *Blob) Commit() (digest string, err error) {
	err = b.quick(func(_ *cstrings, e *C.imgrel_error) C.int {
		var out *C.char
		rc := C.imgrel_blob_commit((*C.imgrel_blob)(b.p), &out, e)
		digest = take(out)
		return rc
	})
	return digest, err
}

// Conn is one connection into a pod.
type Conn struct{ handle }

func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.transfer(p, func(q *C.char, n C.size_t, e *C.imgrel_error) C.int64_t {
		return C.imgrel_conn_read((*C.imgrel_conn)(c.p), unsafe.Pointer(q), n, e)
	})
	if n == 0 && err == nil && len(p) > 0 {
		return 0, io.EOF
	}
	return n, err
}

func (c *Conn) Write(p []byte) (int, error) {
	return c.transfer(p, func(q *C.char, n C.size_t, e *C.imgrel_error) C.int64_t {
		return C.imgrel_conn_write((*C.imgrel_conn)(c.p), unsafe.Pointer(q), n, e)
	})
}

// CloseWrite ends our side.
func (c *Conn) CloseWrite() error {
	return c.quick(func(_ *cstrings, e *C.imgrel_error) C.int {
		return C.imgrel_conn_shutdown((*C.imgrel_conn)(c.p), e)
	})
}

// Robot is a robot account; its secret is wiped when it is closed.
type Robot struct{ handle }

// Name is the full name to log in with.
func (r *Robot) Name() string { return C.GoString(C.imgrel_robot_name((*C.imgrel_robot)(r.p))) }

// Secret is "" if it is not known: Harbor tells it once.
func (r *Robot) Secret() Secret {
	return Secret(C.GoString(C.imgrel_robot_secret((*C.imgrel_robot)(r.p))))
}

// JSON is the robot as Harbor has it, with "imgrel": what was done.
func (r *Robot) JSON() json.RawMessage {
	return json.RawMessage(C.GoString(C.imgrel_robot_json((*C.imgrel_robot)(r.p))))
}
