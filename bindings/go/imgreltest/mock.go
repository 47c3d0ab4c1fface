//go:build cgo

package imgreltest

/*
#cgo pkg-config: libimgrel-mock libimgrel
#include <stdlib.h>
#include <imgrel/mock.h>
*/
import "C"

import (
	"encoding/json"
	"errors"
	"testing"
	"unsafe"

	"libimgrel.org/go/imgrel"
)

func failed(e *C.imgrel_error) error { return errors.New(C.GoString(&e.message[0])) }

// Mock starts one with the configuration of imgrel_mock_start; it stops with the test.
func Mock(t testing.TB, config map[string]any) *Site {
	t.Helper()
	if config == nil {
		config = map[string]any{}
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	said := C.CString(string(text))
	defer C.free(unsafe.Pointer(said))
	var m *C.imgrel_mock
	var e C.imgrel_error
	if C.imgrel_mock_start(said, &m, &e) < 0 {
		t.Fatal(failed(&e))
	}
	t.Cleanup(func() { C.imgrel_mock_stop(m) })
	get := func(what string) string {
		w := C.CString(what)
		defer C.free(unsafe.Pointer(w))
		return C.GoString(C.imgrel_mock_get(m, w))
	}
	return &Site{URL: get("url"), Host: get("host"), User: "admin", Password: imgrel.Secret(get("admin_password")),
		Project: "library", CAFile: get("ca_file"), Kubeconfig: get("kubeconfig"),
		Control: func(command any) (string, error) { return control(m, command) }}
}

func control(m *C.imgrel_mock, command any) (string, error) {
	text, err := json.Marshal(command)
	if err != nil {
		return "", err
	}
	said := C.CString(string(text))
	defer C.free(unsafe.Pointer(said))
	var out *C.char
	var e C.imgrel_error
	if C.imgrel_mock_control(m, said, &out, &e) < 0 {
		return "", failed(&e)
	}
	defer C.imgrel_mock_free_string(out)
	return C.GoString(out), nil
}
