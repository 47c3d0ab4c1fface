package imgrel

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// mock starts `imgrel mock serve` and gives its host and kubeconfig.
func mock(t *testing.T) (host, kubeconfig string) {
	t.Helper()
	dir := t.TempDir()
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("Harbor12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	kubeconfig = filepath.Join(dir, "kubeconfig")
	cmd := exec.Command(os.Getenv("IMGREL"), "mock", "serve", "--json", "--port", "0", "--kube-port", "0",
		"--kubeconfig", kubeconfig, "--admin-password-file", password)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var info struct{ Host string }
	if err := json.Unmarshal([]byte(line), &info); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return info.Host, kubeconfig
}

func client(t *testing.T, config map[string]string) *Client {
	t.Helper()
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestErrors(t *testing.T) {
	_, err := New(map[string]string{"nonsense": "1"})
	if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "nonsense") {
		t.Fatalf("%v", err)
	}
	c := client(t, nil)
	_, err = c.Digest(context.Background(), "host.example/UPPER/case:1", nil)
	var e *Error
	if !errors.As(err, &e) || e.Name != "IMGREL_EINVAL" {
		t.Fatalf("%v", err)
	}
}

func TestContextEndsACall(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c := client(t, map[string]string{"plain_http": silent.Addr().String(), "retries": "0"})
	for i := 0; i < 10; i++ {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		began := time.Now()
		_, err := c.Digest(ctx, silent.Addr().String()+"/a/b:1", nil)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrCanceled) {
			t.Fatalf("%v", err)
		}
		if d := time.Since(began); d > time.Second {
			t.Fatalf("took %v", d)
		}
	}
}

func TestCopyAndTags(t *testing.T) {
	host, _ := mock(t)
	c := client(t, map[string]string{"plain_http": host, "registry_hosts": host, "registry_user": "admin",
		"registry_password": "Harbor12345"})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "spec.json"),
		[]byte(`{"platforms": ["linux/amd64"], "config": {"cmd": ["/x"]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	layout := "oci:" + filepath.Join(dir, "app") + ":1.0.0"
	if out, err := exec.Command(os.Getenv("IMGREL"), "image", "assemble", filepath.Join(dir, "spec.json"),
		layout).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ctx := context.Background()
	digest, err := c.Copy(ctx, layout, host+"/library/app:1.0.0", nil)
	if err != nil || !strings.HasPrefix(digest, "sha256:") {
		t.Fatalf("%q %v", digest, err)
	}
	it, err := c.Tags(ctx, host+"/library/app", nil)
	if err != nil {
		t.Fatal(err)
	}
	tags, err := it.Strings()
	if err != nil || len(tags) != 1 || tags[0] != "1.0.0" {
		t.Fatalf("%v %v", tags, err)
	}
	if _, err := c.Digest(ctx, host+"/library/app:nope", nil); !errors.Is(err, ErrNotFound) {
		t.Fatalf("%v", err)
	}
}

// The whole road: an app's files to its page.
func TestRelease(t *testing.T) {
	host, kubeconfig := mock(t)
	dir := t.TempDir()
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Skip("busybox-static is not installed")
	}
	for name, content := range map[string][]byte{"bin/busybox": busybox, "dist/index.html": []byte("<h1>from Go</h1>"),
		"release.yaml": []byte(`apiVersion: imgrel/v1
app: page
version: 1.0.0
registry: {host: "` + host + `", url: "http://` + host + `"}
harbor: {project: apps, private: true, robots: {push: ci, pull: k8s}}
image:
  platforms: [linux/` + runtime.GOARCH + `]
  layers: [{from: bin, to: /bin}, {from: dist, to: /srv}]
  config: {cmd: [/bin/busybox, sh, -c, "trap 'exit 0' TERM; /bin/busybox httpd -f -p 80 -h /srv & wait"]}
kubernetes: {namespace: page, secret: harbor, pod: {port: 80}, service: {port: 80}}
`)} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c := client(t, nil)
	r, err := c.Release(filepath.Join(dir, "release.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{"harbor_url": "http://" + host, "harbor_user": "admin",
		"harbor_password": "Harbor12345", "kubeconfig": kubeconfig} {
		if err := r.Set(key, value); err != nil {
			t.Fatal(err)
		}
	}
	defer r.Close()
	ctx := context.Background()
	for _, want := range []string{"done", "unchanged"} {
		report, err := r.Apply(ctx, nil)
		if err != nil || report.Result != want || !strings.HasPrefix(report.Digest, "sha256:") {
			t.Fatalf("wanted %s: %+v %v", want, report, err)
		}
	}
	if _, err := r.Delete(ctx, nil); err != nil {
		t.Fatal(err)
	}
}
