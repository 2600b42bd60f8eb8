package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The lab answers nobody without its token, and listens to this machine alone unless it is told otherwise. It asks nobody for news
// and newer versions.
func TestLabIsClosed(t *testing.T) {
	w := ready(t)
	lab := startLab(t, w)
	for _, path := range []string{"lab", "api/contents", "api/kernels", "files/00_start_here.ipynb"} {
		if code, page := lab.get(t, path, ""); code == http.StatusOK && !strings.Contains(page, "password_input") {
			t.Errorf("%s without a token: %d\n%.300s", path, code, page)
		}
		if code, page := lab.get(t, path, lab.Token); code != http.StatusOK {
			t.Errorf("%s with the token: %d\n%.300s", path, code, page)
		}
	}
	if code, _ := lab.get(t, "api/contents", "0"+lab.Token[1:]+"0"); code != http.StatusForbidden {
		t.Errorf("another token: %d", code)
	}
	_, page := lab.get(t, "lab", lab.Token)
	for _, part := range []string{`"news": {"disabled": true}`, `"@jupyterlab/apputils-extension:announcements"`} {
		if !strings.Contains(page, part) {
			t.Errorf("no %s in the configuration of the page", part)
		}
	}
	for path, want := range map[string]string{"lab/api/update": `{"notification": null}`, "lab/api/news": `{"news": []}`} {
		if code, answer := lab.get(t, path, lab.Token); code != http.StatusOK || answer != want {
			t.Errorf("%s: %d %s, want %s", path, code, answer, want)
		}
	}
	address := outside(t)
	if address == "" {
		t.Skip("this machine has no address but its own loopback's")
	}
	c, err := net.DialTimeout("tcp", net.JoinHostPort(address, fmt.Sprint(lab.Port)), 10*time.Second)
	if err == nil {
		c.Close()
		t.Errorf("the lab hears at %s", address)
	}
}

// server is what a running lab notes of itself.
type server struct {
	Port  int
	Token string
}

// startLab starts a lab that ends with the test.
func startLab(t *testing.T, w *workbook) server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	if err := w.copyPages(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(ctx, w.python(), w.labArgs(command{ip: "127.0.0.1", port: 8899, baseURL: "/", noBrowser: true})...)
	cmd.Dir, cmd.Env = w.desk(), w.env("JUPYTER_RUNTIME_DIR="+dir)
	cmd.Stderr = logger{t}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	for {
		notes, _ := filepath.Glob(filepath.Join(dir, "jpserver-*.json"))
		for _, note := range notes {
			var s server
			text, err := os.ReadFile(note)
			if err != nil || json.Unmarshal(text, &s) != nil || s.Token == "" {
				continue
			}
			// The note is there before the server listens.
			if c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port), 10*time.Second); err == nil {
				c.Close()
				return s
			}
		}
		select {
		case <-ctx.Done():
			t.Fatal("the lab does not start")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// get asks the lab for a page; without a token it is asked as by somebody who has none.
func (s server) get(t *testing.T, path, token string) (code int, page string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/%s", s.Port, path), nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "token "+token)
	}
	response, err := (&http.Client{Transport: &http.Transport{}}).Do(request) // through no proxy
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// outside is an address of this machine that others can reach it by; empty if it has none.
func outside(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return n.IP.String()
		}
	}
	return ""
}
