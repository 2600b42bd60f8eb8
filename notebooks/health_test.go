package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"batchnorm/bnlib/host"
)

// A server is well if it answers at the address that it noted, whatever its port and path are.
func TestHealth(t *testing.T) {
	home := t.TempDir()
	t.Setenv(host.DirEnv, home)
	t.Setenv(workEnv, "")
	api := `{"version": "2.0"}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/class/api" {
			http.NotFound(w, r)
			return
		}
		w.Write([]byte(api))
	}))
	note := func(name, url string) {
		text, err := json.Marshal(map[string]any{"url": url, "pid": 1})
		if err != nil {
			t.Fatal(err)
		}
		write(t, home, map[string]string{"jupyter/runtime/" + name + ".json": string(text)})
	}
	check := func(problem string) {
		t.Helper()
		var out bytes.Buffer
		err := health(t.Context(), &out)
		if problem == "" && (err != nil || !strings.Contains(out.String(), server.URL)) {
			t.Errorf("%v, said %q", err, &out)
		}
		if problem != "" && (err == nil || !strings.Contains(err.Error(), problem)) {
			t.Errorf("error %v, want %q", err, problem)
		}
	}
	check("no JupyterLab")
	note("jpserver-1", server.URL+"/class/")
	check("")
	note("jpserver-0", "http://127.0.0.1:1/") // one that was killed
	check("")
	note("jpserver-1", server.URL+"/")
	note("jpserver-0", server.URL+"/")
	check("404")
	note("jpserver-1", server.URL+"/class/")
	api = "<html>a proxy's page</html>"
	check("not as Jupyter does")
	server.Close()
	check("refused")
}
