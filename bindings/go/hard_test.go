package imgrel_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"libimgrel.org/go/imgrel"
	"libimgrel.org/go/imgrel/imgreltest"
)

func app(t *testing.T, c *imgrel.Client) string {
	t.Helper()
	dir := t.TempDir()
	content := make([]byte, 1<<20)
	_, _ = rand.New(rand.NewSource(1)).Read(content)
	if err := os.WriteFile(filepath.Join(dir, "f"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	layout := "oci:" + filepath.Join(dir, "app") + ":1"
	spec := map[string]any{"platforms": []string{"linux/amd64"}, "layers": []any{map[string]any{"from": filepath.Join(dir, "f"), "to": "/f"}}}
	if _, err := c.ImageAssemble(context.Background(), spec, layout, nil); err != nil {
		t.Fatal(err)
	}
	return layout
}

func TestBlob(t *testing.T) {
	site := imgreltest.New(t)
	c := site.Client(t)
	ctx := context.Background()
	repository := site.Host + "/" + site.Project + "/blob"
	data := bytes.Repeat([]byte("0123456789abcdef"), 40000)
	w, err := c.BlobCreate(ctx, repository, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(w, bytes.NewReader(data)); err != nil || int(n) != len(data) {
		t.Fatal(n, err)
	}
	digest, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	r, err := c.BlobOpen(ctx, repository+"@"+digest, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data) || r.Size() != int64(len(data)) {
		t.Fatal(len(got), err)
	}
	_ = r.Close()
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, imgrel.ErrClosed) {
		t.Fatal(err)
	}
}

func TestCallbacks(t *testing.T) {
	site := imgreltest.Mock(t, nil)
	var lock sync.Mutex
	records := 0
	config := site.Config()
	config["log_level"] = "debug"
	c, err := imgrel.NewWithLog(config, func(r imgrel.LogRecord) {
		lock.Lock()
		defer lock.Unlock()
		if records++; strings.Contains(string(r.Fields)+r.Message, site.Password.Reveal()) {
			t.Error("a secret in the log")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	layout := app(t, c)
	ctx := context.Background()
	mine := errors.New("enough")
	_, err = c.Copy(ctx, layout, site.Host+"/library/stopped:1", &imgrel.Options{Progress: func(imgrel.Event) error { return mine }})
	if !errors.Is(err, mine) || !errors.Is(err, imgrel.ErrCanceled) {
		t.Fatalf("%v", err)
	}
	func() {
		defer func() {
			if p := recover(); p != "out" {
				t.Fatalf("the panic became %v", p)
			}
		}()
		_, _ = c.Copy(ctx, layout, site.Host+"/library/panic:1", &imgrel.Options{Progress: func(imgrel.Event) error { panic("out") }})
		t.Error("a panic was lost")
	}()
	events := 0
	_, err = c.Copy(ctx, layout, site.Host+"/library/app:1", &imgrel.Options{Progress: func(e imgrel.Event) error {
		events++
		runtime.GC()
		return nil
	}})
	if err != nil || events == 0 || records == 0 {
		t.Fatal(err, events, records)
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	site := imgreltest.New(t)
	c := site.Client(t)
	h, err := c.Harbor(site.URL, site.User, site.Password)
	if err != nil {
		t.Fatal(err)
	}
	robot, err := h.RobotEnsure(context.Background(), site.Project, "hard", map[string]any{"role": "pull"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	secret := robot.Secret()
	doc, _ := json.Marshal(map[string]any{"s": secret})
	said := fmt.Sprintf("%v %+v %#v %s %q %s", secret, secret, secret, secret, secret, doc)
	if len(secret.Reveal()) < 8 || strings.Contains(said, secret.Reveal()) {
		t.Fatal(said)
	}
	if err := h.RobotDelete(context.Background(), site.Project, "hard", nil); err != nil {
		t.Fatal(err)
	}
}

func TestCloseEndsACall(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c, err := imgrel.New(map[string]string{"plain_http": silent.Addr().String(), "retries": "0"})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := c.Digest(context.Background(), silent.Addr().String()+"/a/b:1", nil)
		ended <- err
	}()
	time.Sleep(50 * time.Millisecond)
	_ = c.Close()
	if err := <-ended; !errors.Is(err, imgrel.ErrCanceled) && !errors.Is(err, imgrel.ErrClosed) {
		t.Fatal(err)
	}
	if _, err := c.Digest(context.Background(), "a/b:1", nil); !errors.Is(err, imgrel.ErrClosed) {
		t.Fatal(err)
	}
}

func TestManyAtOnce(t *testing.T) {
	site := imgreltest.Mock(t, nil)
	c := site.Client(t)
	ctx := context.Background()
	layout := app(t, c)
	if _, err := c.Copy(ctx, layout, site.Host+"/library/app:1", nil); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for i := 0; i < 16; i++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for j := 0; j < 4; j++ {
				it, err := c.Tags(ctx, site.Host+"/library/app", nil)
				if err != nil {
					t.Error(err)
					return
				}
				if tags, err := it.Strings(); err != nil || len(tags) != 1 {
					t.Error(tags, err)
				}
				runtime.GC()
			}
		}()
	}
	wait.Wait()
	if _, err := site.Control(map[string]any{"fault": map[string]any{"route": "/v2/library/app", "status": 404, "count": 1}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Digest(ctx, site.Host+"/library/app:1", nil); !errors.Is(err, imgrel.ErrNotFound) {
		t.Fatal(err)
	}
}
