// Package imgreltest gives tests a registry, a Harbor and a cluster: a mock in the process, or a
// disposable project on a Harbor that exists, behind one Site.
package imgreltest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"libimgrel.org/go/imgrel"
)

// Site is where a test works; what it made goes with the test.
type Site struct {
	URL, Host, User    string
	Password           imgrel.Secret
	Project            string
	CAFile, Kubeconfig string
	// Control steers a mock (see imgrel_mock_control); nil on a real Harbor.
	Control func(command any) (string, error)
}

// Config is what a client needs to push here.
func (s *Site) Config() map[string]string {
	c := map[string]string{"registry_hosts": s.Host, "registry_user": s.User, "registry_password": s.Password.Reveal()}
	if strings.HasPrefix(s.URL, "http://") {
		c["plain_http"] = s.Host
	}
	if s.CAFile != "" {
		c["ca_file"] = s.CAFile
	}
	return c
}

// Client is a client that may push here, closed with the test.
func (s *Site) Client(t testing.TB) *imgrel.Client {
	t.Helper()
	c, err := imgrel.New(s.Config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Harbor makes a project of a random name, deleted with all that is in it when the test ends.
func Harbor(t testing.TB, url, user string, password imgrel.Secret) *Site {
	t.Helper()
	random := make([]byte, 6)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	host := strings.SplitN(strings.SplitN(url+"/", "//", 2)[1], "/", 2)[0]
	s := &Site{URL: url, Host: host, User: user, Password: password, Project: "imgrel-test-" + hex.EncodeToString(random)}
	c, err := imgrel.New(s.Config())
	if err != nil {
		t.Fatal(err)
	}
	h, err := c.Harbor(url, user, password)
	if err != nil {
		t.Fatal(err)
	}
	private := true
	if _, err := h.ProjectEnsure(context.Background(), s.Project, &private, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.ProjectDelete(context.Background(), s.Project, true, nil); err != nil {
			t.Error(err)
		}
		_ = c.Close()
	})
	return s
}

// New is a mock, or a disposable project where IMGREL_TEST_HARBOR_URL, _USER and _PASSWORD_FILE name one.
func New(t testing.TB) *Site {
	t.Helper()
	url := os.Getenv("IMGREL_TEST_HARBOR_URL")
	if url == "" {
		return Mock(t, nil)
	}
	password, err := os.ReadFile(os.Getenv("IMGREL_TEST_HARBOR_PASSWORD_FILE"))
	if err != nil {
		t.Fatal(err)
	}
	user := os.Getenv("IMGREL_TEST_HARBOR_USER")
	if user == "" {
		user = "admin"
	}
	return Harbor(t, url, user, imgrel.Secret(strings.TrimRight(string(password), "\n")))
}
